import { StoreClock } from './store-clock.js';

const storeAt = (time: string) => ({
  query: () => Promise.resolve({ rows: [{ ms: String(Date.parse(time)) }] }),
});

describe('the clock of the store', () => {
  it('is this machine\u2019s as long as no store is followed', () => {
    expect(Math.abs(new StoreClock().now().getTime() - Date.now())).toBeLessThan(1_000);
  });

  it('N-07: is the store\u2019s, however far off this machine is, and says how far', async () => {
    const clock = new StoreClock();
    const heard: number[] = [];
    clock.onSkew((skewMs) => heard.push(skewMs));
    const stop = await clock.follow(storeAt('2031-05-05T10:00:00Z'));
    expect(clock.now().toISOString()).toMatch(/^2031-05-05T10:00:0/);
    expect(clock.skewMs).toBeCloseTo(Date.now() - Date.parse('2031-05-05T10:00:00Z'), -4);
    expect(heard).toHaveLength(1);
    stop();
  });

  it('goes on when the store does not answer', async () => {
    const clock = new StoreClock();
    (await clock.follow(storeAt('2031-05-05T10:00:00Z')))();
    (await clock.follow({ query: () => Promise.reject(new Error('away')) }))();
    expect(clock.now().getUTCFullYear()).toBe(2031);
  });
});
