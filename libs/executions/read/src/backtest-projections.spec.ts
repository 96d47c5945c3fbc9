import type { BacktestEvent, RunComparison } from '@sluice/executions-domain';
import { newId } from '@sluice/kernel';
import { Folding } from '@sluice/platform-projections';
import { backtestPart } from './backtest-part.projection.js';
import { backtest } from './backtest.projection.js';

const tenantId = newId();
const id = newId();
const workflowId = newId();
const different = (eventId: string): RunComparison => ({ eventId, executionId: newId(), differs: true, nodes: [] });
const events: BacktestEvent[] = [
  { type: 'backtest.started', aggregateId: id, payload: { workflowId, draftRevision: 3, liveVersion: 2, events: 4, by: 'ada' } },
  { type: 'backtest.compared', aggregateId: id, payload: { workflowId, part: 1, done: 2, different: 1, results: [different('a')] } },
  { type: 'backtest.compared', aggregateId: id, payload: { workflowId, part: 2, done: 4, different: 2, results: [different('b')] } },
  { type: 'backtest.completed', aggregateId: id, payload: { workflowId } },
];
const logged = events.map((event, index) => ({
  ...event,
  id: newId(),
  tenantId,
  aggregateVersion: index + 1,
  correlationId: 'c',
  causationId: null,
  timestamp: `2026-01-01T00:00:0${index}.000Z`,
  position: index + 1,
}));

it('counts what is done, keeps each part of what was found, and ends', () => {
  const rows = new Folding(backtest, logged).fold([]).map(({ row }) => row);
  expect(rows).toEqual([
    {
      tenantId,
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
      startedAt: '2026-01-01T00:00:00.000Z',
      completedAt: '2026-01-01T00:00:03.000Z',
    },
  ]);
  const parts = new Folding(backtestPart, logged).fold([]).map(({ row }) => row);
  expect(parts).toMatchObject([
    { backtestId: id, part: 1, results: [{ eventId: 'a' }] },
    { backtestId: id, part: 2, results: [{ eventId: 'b' }] },
  ]);
});
