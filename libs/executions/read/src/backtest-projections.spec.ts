import type { BacktestEvent, RunComparison } from '@sluice/executions-domain';
import { newId } from '@sluice/kernel';
import { replay } from '@sluice/platform-projections';
import { backtestPart } from './backtest-part.projection.js';
import { backtest } from './backtest.projection.js';

const id = newId();
const workflowId = newId();
const different = (eventId: string): RunComparison => ({ eventId, executionId: newId(), differs: true, nodes: [] });
const events: BacktestEvent[] = [
  { type: 'backtest.started', aggregateId: id, payload: { workflowId, draftRevision: 3, liveVersion: 2, events: 4, by: 'ada' } },
  { type: 'backtest.compared', aggregateId: id, payload: { workflowId, part: 1, done: 2, different: 1, results: [different('a')] } },
  { type: 'backtest.compared', aggregateId: id, payload: { workflowId, part: 2, done: 4, different: 2, results: [different('b')] } },
  { type: 'backtest.completed', aggregateId: id, payload: { workflowId } },
];

it('counts what is done, keeps each part of what was found, and ends', () => {
  expect(replay(backtest, events)).toMatchObject([
    {
      id,
      workflowId,
      status: 'completed',
      requestedBy: 'ada',
      draftRevision: 3,
      liveVersion: 2,
      total: 4,
      done: 4,
      different: 2,
      error: null,
    },
  ]);
  expect(replay(backtest, events.slice(0, 2))).toMatchObject([{ status: 'running', done: 2, different: 1, completedAt: null }]);
  expect(replay(backtestPart, events)).toMatchObject([
    { backtestId: id, part: 1, results: [{ eventId: 'a' }] },
    { backtestId: id, part: 2, results: [{ eventId: 'b' }] },
  ]);
});

it('says why it failed', () => {
  const error = { code: 'crash_loop', message: 'It stopped its worker 3 times.' };
  const failed: BacktestEvent = { type: 'backtest.failed', aggregateId: id, payload: { workflowId, error } };
  expect(replay(backtest, [...events.slice(0, 2), failed])).toMatchObject([{ status: 'failed', done: 2, error }]);
});
