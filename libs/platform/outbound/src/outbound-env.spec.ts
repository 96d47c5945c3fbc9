import { outboundEnv } from './outbound-env.js';

describe('outboundEnv', () => {
  it('allows nothing by default', () => {
    expect(outboundEnv().parse({})).toEqual({ allow: [] });
  });

  it('reads hosts and ranges', () => {
    expect(outboundEnv().parse({ OUTBOUND_ALLOW: 'crm.internal, 10.0.0.0/8,' })).toEqual({ allow: ['crm.internal', '10.0.0.0/8'] });
  });

  it('names every entry that makes no sense', () => {
    const result = outboundEnv().safeParse({ OUTBOUND_ALLOW: 'http://crm.internal,10.0.0.0/99,ok.internal' });
    expect(result.error?.issues.map((issue) => issue.message)).toEqual([
      expect.stringContaining('"http://crm.internal"'),
      expect.stringContaining('"10.0.0.0/99"'),
    ]);
  });
});
