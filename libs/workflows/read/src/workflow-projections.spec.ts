import type { ExecutionStarted } from '@sluice/executions-domain';
import { newId } from '@sluice/kernel';
import { replay } from '@sluice/platform-projections';
import type { WorkflowEvent } from '@sluice/workflows-domain';
import { workflowDetail } from './workflow-detail.projection.js';
import { workflowSummary } from './workflow-summary.projection.js';
import { workflowVersion } from './workflow-version.projection.js';

const id = newId();
const graph = { nodes: [{ id: 'start', type: 'trigger.manual', config: {} }], edges: [] };
const definition = { name: 'Hello', description: null, graph, tags: ['a'], settings: {} };
const created: WorkflowEvent = { type: 'workflow.created', aggregateId: id, payload: { ...definition, revision: 1, by: 'ada' } };
const updated: WorkflowEvent = {
  type: 'workflow.updated',
  aggregateId: id,
  payload: { ...definition, name: 'Hello again', graph: { nodes: [], edges: [] }, revision: 2, by: 'ada' },
};
const published: WorkflowEvent = {
  type: 'workflow.published',
  aggregateId: id,
  payload: { version: 1, versionId: newId(), revision: 2, graph, settings: {}, by: 'ada' },
};
const archived: WorkflowEvent = { type: 'workflow.archived', aggregateId: id, payload: { by: 'ada' } };
const started = (): ExecutionStarted => ({
  type: 'workflow.execution.started',
  aggregateId: newId(),
  payload: {
    workflowId: id,
    workflowVersion: 1,
    entryNodeId: 'start',
    startKey: 'k',
    trigger: {
      source: 'manual',
      sourceType: 'api',
      actionType: 'manual',
      customerId: null,
      clientId: 'key',
      receivedAt: '2026-11-23T12:00:00.000Z',
    },
    input: null,
  },
});
const story = [created, updated, published, started(), started()];

it('shows a workflow as it is now, and counts its runs though they are other aggregates', () => {
  expect(replay(workflowSummary, story)).toEqual([
    {
      tenantId: expect.any(String),
      id,
      name: 'Hello again',
      description: null,
      status: 'published',
      tags: ['a'],
      revision: 2,
      version: 1,
      createdBy: 'ada',
      executionCount: 2,
      lastExecuted: '2026-11-23T12:00:05.000Z',
      createdAt: '2026-11-23T12:00:01.000Z',
      updatedAt: '2026-11-23T12:00:03.000Z',
    },
  ]);
});

it('keeps the draft that its author sees, whatever was published', () => {
  expect(replay(workflowDetail, [created, published, updated])).toMatchObject([
    { nodes: [], edges: [], publishedRevision: 2, publishedAt: '2026-11-23T12:00:02.000Z' },
  ]);
});

it('is the same under every replay, in whatever batches', () => {
  expect(replay(workflowSummary, story, 1)).toEqual(replay(workflowSummary, story));
  const drafts = [created, published, updated, archived];
  expect(replay(workflowDetail, drafts, 1)).toEqual(replay(workflowDetail, drafts));
});

it('keeps an archived workflow and its runs', () => {
  expect(replay(workflowSummary, [...story, archived, started()])).toMatchObject([{ status: 'archived', executionCount: 3 }]);
});

it('leaves out runs of a workflow that it does not know', () => {
  expect(replay(workflowSummary, [started()])).toEqual([]);
});

it('keeps every version as it was published, and where a rollback came from', () => {
  const rolledBack: WorkflowEvent = {
    type: 'workflow.rolled_back',
    aggregateId: id,
    payload: { version: 2, versionId: newId(), fromVersion: 1, graph, settings: {}, by: 'bob' },
  };
  const history = [created, published, updated, rolledBack, archived];
  expect(replay(workflowVersion, history)).toMatchObject([
    { workflowId: id, version: 1, revision: 2, fromVersion: null, nodes: graph.nodes, publishedBy: 'ada' },
    { workflowId: id, version: 2, revision: null, fromVersion: 1, nodes: graph.nodes, publishedAt: '2026-11-23T12:00:04.000Z' },
  ]);
  expect(replay(workflowVersion, history, 1)).toEqual(replay(workflowVersion, history));
});
