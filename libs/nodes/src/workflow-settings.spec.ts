import type { JsonObject } from '@sluice/kernel';
import { checkSettings } from './workflow-settings.js';

const id = '01A20957-91ab-7c30-8f5e-3d2b4c0a9f3e';
const all: JsonObject = {
  deadlineMs: 60_000,
  errorWorkflow: id,
  priority: 'high',
  concurrency: { key: '{{ customer.id & trigger.kind }}', limit: 3, onLimit: 'drop' },
  limits: { nodeRuns: 200_000, events: 10, outputBytes: 1_000_000 },
};

it('takes all that there is, and nothing at all', () => {
  expect(checkSettings(all)).toEqual([]);
  expect(checkSettings({})).toEqual([]);
});

it.each<[JsonObject, string]>([
  [{ dedlineMs: 5_000 }, 'settings.dedlineMs – `dedlineMs` is not known here: remove it or check its spelling. Did you mean `deadlineMs`?'],
  [{ speed: 'high' }, 'settings.speed – `speed` is not known here: remove it or check its spelling'],
  [{ deadlineMs: 999 }, 'settings.deadlineMs – `deadlineMs` must be >= 1000'],
  [{ deadlineMs: 31_622_400_001 }, 'settings.deadlineMs – `deadlineMs` must be <= 31622400000'],
  [{ deadlineMs: '{{ env.deadline }}' }, 'settings.deadlineMs – `deadlineMs` must be written out: a template is not allowed here'],
  [{ errorWorkflow: 'alarm' }, 'settings.errorWorkflow – `errorWorkflow` must be an id, as the API gives it: a UUID'],
  [{ priority: 'urgent' }, 'settings.priority – `priority` must be one of "high", "normal", "low"'],
  [{ concurrency: {} }, 'settings.concurrency.key – `concurrency.key` is missing: give it a value'],
  [{ concurrency: { key: 'customer.id', limit: 101 } }, 'settings.concurrency.limit – `concurrency.limit` must be <= 100'],
  [
    { concurrency: { key: 'customer.id', onLimit: 'wait' } },
    'settings.concurrency.onLimit – `concurrency.onLimit` must be one of "queue", "drop", "cancelRunning"',
  ],
  [
    { concurrency: { key: 'nodes.a.output' } },
    'settings.concurrency.key – "nodes" is not known before the run begins: the key can read trigger and customer',
  ],
  [{ limits: { nodeRuns: 200_001 } }, 'settings.limits.nodeRuns – `limits.nodeRuns` must be <= 200000'],
  [
    { limits: { nodeRun: 1 } },
    'settings.limits.nodeRun – `limits.nodeRun` is not known here: remove it or check its spelling. Did you mean `nodeRuns`?',
  ],
])('refuses %j', (settings, message) => {
  expect(checkSettings(settings).map((finding) => `${finding.path} – ${finding.message}`)).toEqual([message]);
  expect(checkSettings(settings)).toMatchObject([{ code: 'invalid_settings' }]);
});

it('refuses a key that cannot be read', () => {
  expect(checkSettings({ concurrency: { key: 'customer.' } })).toMatchObject([{ path: 'settings.concurrency.key' }]);
});

it('finds everything at once', () => {
  expect(checkSettings({ a: 1, deadlineMs: 0, concurrency: { key: 'env.x', limit: 0 } }).map(({ path }) => path)).toEqual([
    'settings.a',
    'settings.deadlineMs',
    'settings.concurrency.limit',
    'settings.concurrency.key',
  ]);
});
