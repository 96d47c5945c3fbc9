import { setTimeout as sleep } from 'node:timers/promises';
import { register } from 'prom-client';
import { EventLoopWatch } from './event-loop.js';

const blocked = async () => (await register.getSingleMetric('sluice_event_loop_blocked_total')?.get())?.values[0]?.value ?? 0;

it('F-22: an event loop that stood still is counted, and said for a while', async () => {
  const watch = new EventLoopWatch();
  const before = await blocked();
  await sleep(300);
  expect(await watch.assertReady()).toBeUndefined();

  for (const end = performance.now() + 1_500; performance.now() < end;);
  await sleep(1);
  expect(await watch.assertReady()).toMatch(/^this process stood still for \d+\.\d s, 0 s ago$/);
  expect(await blocked()).toBe(before + 1);
  watch.stop();
});
