import type { JsonObject } from '@sluice/kernel';
import { flowDelay } from './flow-delay.js';

const now = new Date('2026-06-01T12:00:00Z');
const run = (config: JsonObject) => flowDelay.run({ config, input: 'input', trigger: null, now, evaluate: () => undefined });

describe('flow.delay', () => {
  it('waits for a number of milliseconds', () => {
    expect(run({ ms: 90_000 })).toEqual({ kind: 'wait', until: new Date('2026-06-01T12:01:30Z') });
    expect(run({ ms: '1500' })).toEqual({ kind: 'wait', until: new Date('2026-06-01T12:00:01.500Z') });
  });

  it.each(['2026-06-01T18:00:00+02:00', '2026-06-01T16:00Z', '2026-06-01T16:00:00.000Z'])('waits until a time: %s', (until) => {
    expect(run({ until })).toEqual({ kind: 'wait', until: new Date('2026-06-01T16:00:00Z') });
  });

  it('goes on at once when there is nothing to wait for', () => {
    expect(run({ ms: 0 })).toEqual({ kind: 'done', handle: 'out', output: 'input' });
    expect(run({ until: '2020-01-01T00:00:00Z' })).toEqual({ kind: 'done', handle: 'out', output: 'input' });
  });

  it.each<JsonObject>([
    { until: '2026-06-01T16:00:00' },
    { until: 'tomorrow' },
    { until: '2026-13-01T00:00:00Z' },
    { until: '2126-01-01T00:00:00Z' },
    { until: null },
    { ms: -1 },
    { ms: 'soon' },
    { ms: 1e12 },
    {},
  ])('fails for good on %j', (config) => {
    expect(() => run(config)).toThrow(expect.objectContaining({ code: 'config_invalid', options: { retryable: false } }));
  });
});
