import { compileGraph, type Graph, newRun, type NodeRun, type RunState } from '@sluice/engine';
import { resolve, resume, retry } from './controls.js';

const now = new Date('2001-02-03T04:05:06.789Z');
const at = now.toISOString();
const limits = { nodeRuns: 100, events: 100, outputBytes: 1_000 };

const drawn = (ids: readonly string[], edges: Graph['edges']) => ({
  limits,
  compiled: compileGraph({ nodes: ids.map((id) => ({ id, type: id, config: {} })), edges }, ({ type }) =>
    type === 'each' ? { loop: { concurrency: 1, onItemError: 'fail' } } : {},
  ),
});
const been = (status: NodeRun['status'], more: Partial<NodeRun> = {}): NodeRun => ({
  id: 'n',
  status,
  attempt: 1,
  startedAt: '2000-01-01T00:00:00.000Z',
  ...more,
});
const run = (status: RunState['status'], nodes: Readonly<Record<string, NodeRun>>) => ({
  id: 'e',
  workflowId: 'w',
  state: { ...newRun('in', {}), status, nodes: new Map(Object.entries(nodes)) },
});
const done = been('completed', { handle: 'out', output: {} });

describe('N-07: what a person decides happens when the caller says that it is', () => {
  const called = run('waiting', { in: done, call: been('in_doubt') });
  const calling = drawn(['in', 'call'], [{ source: 'in', target: 'call' }]);
  const place = { nodeId: 'call', iteration: '' };

  it('a call that was sent has ended', () => {
    const { state } = resolve(called, calling, place, { outcome: 'sent', output: null }, now);
    expect(state.nodes.get('call')).toMatchObject({ status: 'completed', completedAt: at });
  });

  it('a call that was not sent is made again', () => {
    const { events } = resolve(called, calling, place, { outcome: 'not_sent' }, now);
    expect(events).toMatchObject([{ type: 'node.execution.retried', payload: { retryAt: at } }, { type: 'workflow.execution.resumed' }]);
  });

  it('a run that goes on skips what it does not come to', () => {
    const paused = run('paused', { in: { ...done, handle: 'yes' } });
    const choosing = drawn(
      ['in', 'yes', 'no'],
      [
        { source: 'in', target: 'yes', sourceHandle: 'yes' },
        { source: 'in', target: 'no', sourceHandle: 'no' },
      ],
    );
    const { state } = resume(paused, choosing, 'ada', now, false);
    expect(state.nodes.get('no')).toMatchObject({ status: 'skipped', completedAt: at });
  });

  it('a loop that is tried again ends an item and begins the next', () => {
    const looping = drawn(
      ['in', 'each', 'body'],
      [
        { source: 'in', target: 'each' },
        { source: 'each', target: 'body', sourceHandle: 'item' },
      ],
    );
    const failed = run('failed', {
      in: done,
      each: been('failed', { loop: { count: 2, begun: 1, ended: 0 } }),
      'each:0/each': been('failed'),
      'each:0/body': done,
    });
    const { state } = retry(failed, looping, 'ada', now);
    expect(state.nodes.get('each:0/each')).toMatchObject({ status: 'completed', completedAt: at });
    expect(state.nodes.get('each:1/each')).toMatchObject({ status: 'running', startedAt: at });
  });
});
