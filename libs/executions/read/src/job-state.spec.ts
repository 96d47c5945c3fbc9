import { executionJobState, type NodeJob, nodeJobState } from './job-state.js';

const now = '2026-11-23T12:00:00.000Z';
const [past, soon, later] = ['2026-11-23T11:59:59.999Z', '2026-11-23T12:00:05.000Z', '2026-11-24T00:00:00.000Z'];
const node = (status: NodeJob['status'], waitUntil: string | null = null): NodeJob => ({ status, waitUntil, attempt: 1, error: null });

it.each([
  [node('completed'), { state: 'done' }],
  [node('skipped'), { state: 'done' }],
  [node('failed'), { state: 'dead' }],
  [node('running'), { state: 'running' }],
  [node('running', soon), { state: 'waiting', until: soon }],
  [node('running', past), { state: 'ready' }],
  [node('waiting', soon), { state: 'waiting', until: soon }],
  [node('waiting', past), { state: 'ready' }],
  [node('waiting'), { state: 'waiting' }],
  [node('in_doubt'), { state: 'waiting' }],
])('a node run that is %j is %j', (job, state) => {
  expect(nodeJobState(job, now)).toEqual(state);
});

it.each([
  ['completed', [], { state: 'done' }],
  ['cancelled', [node('running')], { state: 'done' }],
  ['failed', [node('failed')], { state: 'dead' }],
  ['incomplete', [], { state: 'dead' }],
  ['paused', [node('running')], { state: 'waiting' }],
  ['running', [], { state: 'ready' }],
  ['running', [node('completed')], { state: 'ready' }],
  ['running', [node('waiting', soon), node('running')], { state: 'running' }],
  ['running', [node('waiting', soon), node('running', past)], { state: 'ready' }],
  ['waiting', [node('failed'), node('waiting', later), node('waiting', soon)], { state: 'waiting', until: soon }],
  ['waiting', [node('in_doubt')], { state: 'waiting' }],
] as const)('a run that is %s with %j is %j', (status, nodes, state) => {
  expect(executionJobState(status, nodes, now)).toEqual(state);
});
