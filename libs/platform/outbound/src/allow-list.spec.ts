import ipaddr from 'ipaddr.js';
import { AllowList } from './allow-list.js';

const address = (text: string) => ipaddr.process(text);

describe('AllowList', () => {
  it('knows a host by its exact name, in any case and with the dot at its end', () => {
    const list = new AllowList(['crm.internal']);
    expect(list.allowsHost('crm.internal', 80)).toBe(true);
    expect(list.allowsHost('CRM.internal.', 8443)).toBe(true);
    expect(list.allowsHost('evil-crm.internal', 80)).toBe(false);
    expect(list.allowsHost('crm.internal.evil.com', 80)).toBe(false);
    expect(list.allowsHost('sub.crm.internal', 80)).toBe(false);
  });

  it('binds an entry with a port to that port', () => {
    const list = new AllowList(['crm.internal:8080', '10.0.0.5:9000', '[::1]:9000']);
    expect(list.allowsHost('crm.internal', 8080)).toBe(true);
    expect(list.allowsHost('crm.internal', 6379)).toBe(false);
    expect(list.allowsAddress(address('10.0.0.5'), 9000)).toBe(true);
    expect(list.allowsAddress(address('10.0.0.5'), 22)).toBe(false);
    expect(list.allowsAddress(address('::1'), 9000)).toBe(true);
  });

  it('takes addresses and ranges', () => {
    const list = new AllowList(['10.1.0.0/16', 'fd00::/8', '192.168.0.7']);
    expect(list.allowsAddress(address('10.1.200.3'), 80)).toBe(true);
    expect(list.allowsAddress(address('10.2.0.1'), 80)).toBe(false);
    expect(list.allowsAddress(address('fd12::1'), 80)).toBe(true);
    expect(list.allowsAddress(address('::ffff:10.1.0.1'), 80)).toBe(true);
    expect(list.allowsAddress(address('192.168.0.8'), 80)).toBe(false);
  });

  it.each(['', 'http://crm.internal', '*.internal', 'crm.internal:99999', 'crm.internal:0', '10.0.0.0/33', '10.0.0', 'a b', 'crm/'])(
    'says at start that an entry makes no sense: "%s"',
    (entry) => {
      expect(() => new AllowList([entry])).toThrow(/is not a host, host:port, address or CIDR range/);
    },
  );
});
