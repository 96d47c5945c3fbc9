import { readSettings } from './workflow-settings.js';

const id = '01A20957-91ab-7c30-8f5e-3d2b4c0a9f3e';
const limits = { nodeRuns: 200_000, events: 1_000_000, outputBytes: 256 * 1024 * 1024 };

it('gives what was said', () => {
  const concurrency = { key: '{{ customer.id & trigger.kind }}', limit: 3, onLimit: 'drop' };
  const said = {
    deadlineMs: 60_000,
    errorWorkflow: id,
    priority: 'high',
    queue: 'bulk',
    concurrency,
    limits: { nodeRuns: 9, events: 10, outputBytes: 11 },
  };
  expect(readSettings(said)).toEqual({
    ...said,
    errorWorkflow: id.toLowerCase(),
    concurrency: { ...concurrency, key: 'customer.id & trigger.kind' },
  });
});

it('fills in the defaults', () => {
  expect(readSettings({})).toEqual({ priority: 'normal', queue: 'default', limits });
  expect(readSettings({ concurrency: { key: 'customer.id' }, limits: { events: 5 } })).toEqual({
    priority: 'normal',
    queue: 'default',
    concurrency: { key: 'customer.id', limit: 1, onLimit: 'queue' },
    limits: { ...limits, events: 5 },
  });
});

it.each([
  { lane: 'default' },
  { queue: 'fast' },
  { deadlineMs: -1, priority: {}, concurrency: { key: '{{ 1 +' }, limits: [] },
  { concurrency: { key: 7 } },
])('never fails, whatever was published once: %j', (settings) =>
  expect(readSettings(JSON.parse(JSON.stringify(settings)))).toEqual({ priority: 'normal', queue: 'default', limits }),
);

it('keeps the sound part of what is broken in part', () => {
  expect(readSettings({ deadlineMs: 5_000, limits: { nodeRuns: 0 } })).toEqual({
    deadlineMs: 5_000,
    priority: 'normal',
    queue: 'default',
    limits,
  });
});
