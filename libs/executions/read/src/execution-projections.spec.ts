import type { ExecutionEvent } from '@sluice/executions-domain';
import { newId } from '@sluice/kernel';
import { replay } from '@sluice/platform-projections';
import { type ExecutionDetail, executionDetail } from './execution-detail.projection.js';
import { executionSummary } from './execution-summary.projection.js';
import { nodeRunsOf } from './get-execution.js';
import { sentMessage } from './sent-message.projection.js';

const [id, workflowId, eventId] = [newId(), newId(), newId()];
const input = { text: 'hello' };
const failed = { code: 'http_status', message: 'The target answered 500' };
const at = '2026-11-23T11:59:00.000Z';
type Of<Type extends ExecutionEvent['type']> = Extract<ExecutionEvent, { type: Type }>;

const started: ExecutionEvent = {
  type: 'workflow.execution.started',
  aggregateId: id,
  payload: {
    workflowId,
    workflowVersion: 3,
    entryNodeId: 'start',
    startKey: 'k',
    trigger: {
      source: 'webhook',
      sourceType: 'instagram',
      actionType: 'messages',
      customerId: '42',
      clientId: newId(),
      receivedAt: at,
      webhookEventId: eventId,
    },
    input,
  },
};
const node = (nodeId: string, attempt: number, ...inputFrom: string[]) => ({
  workflowId,
  nodeId,
  nodeRunId: newId(),
  nodeType: `type.${nodeId}`,
  attempt,
  inputFrom,
  startedAt: at,
});
const completed = (payload: Of<'node.execution.completed'>['payload']): ExecutionEvent => ({
  type: 'node.execution.completed',
  aggregateId: id,
  payload,
});
const end: ExecutionEvent = { type: 'workflow.execution.completed', aggregateId: id, payload: { workflowId, output: { done: true } } };

it('follows a run from its start to its end', () => {
  const waiting: ExecutionEvent = { type: 'workflow.execution.waiting', aggregateId: id, payload: { workflowId, until: at } };
  const resumed: ExecutionEvent = { type: 'workflow.execution.resumed', aggregateId: id, payload: { workflowId } };
  const statusAfter = (...events: ExecutionEvent[]) => replay(executionSummary, events).map(({ status }) => status);
  expect(statusAfter(started)).toEqual(['running']);
  expect(statusAfter(started, waiting)).toEqual(['waiting']);
  expect(statusAfter(started, waiting, resumed)).toEqual(['running']);
  expect(replay(executionSummary, [started, waiting, resumed, end])).toMatchObject([
    {
      id,
      workflowId,
      workflowVersion: 3,
      status: 'completed',
      customerId: '42',
      webhookEventId: eventId,
      correlationId: 'correlation',
      input,
      output: { done: true },
      error: null,
      startedAt: '2026-11-23T12:00:01.000Z',
      completedAt: '2026-11-23T12:00:04.000Z',
    },
  ]);
});

it('says why a run failed', () => {
  const payload = { workflowId, error: failed, nodeId: 'send' };
  const failure: ExecutionEvent = { type: 'workflow.execution.failed', aggregateId: id, payload };
  expect(replay(executionSummary, [started, failure])).toMatchObject([{ status: 'failed', error: failed, output: null }]);
});

it('shows the attempt that is due after a failed one, and forgets its error once it succeeded', () => {
  const send = node('send', 1, 'start');
  const payload = { ...send, error: failed, retryAt: '2026-11-23T12:00:09.000Z' };
  const retried: ExecutionEvent = { type: 'node.execution.retried', aggregateId: id, payload };
  expect(replay(executionDetail, [retried])).toMatchObject([
    { status: 'running', attempt: 2, error: failed, waitUntil: '2026-11-23T12:00:09.000Z', completedAt: null, ord: 1 },
  ]);
  const done = completed({ ...send, attempt: 2, handle: 'out', output: 1 });
  expect(replay(executionDetail, [retried, done])).toMatchObject([
    { status: 'completed', attempt: 2, error: null, waitUntil: null, output: 1, ord: 1 },
  ]);
});

const isDetail = (row: object): row is ExecutionDetail => 'inputFrom' in row;

it('derives the input that each node had', () => {
  const failedOn: ExecutionEvent = {
    type: 'node.execution.failed',
    aggregateId: id,
    payload: { ...node('b', 1, 'start'), error: failed, handle: 'error' },
  };
  const skipped: ExecutionEvent = {
    type: 'node.execution.skipped',
    aggregateId: id,
    payload: { workflowId, nodeId: 'c', nodeRunId: newId(), nodeType: 'type.c', attempt: 0 },
  };
  const rows = replay(executionDetail, [
    started,
    completed({ ...node('start', 1), handle: 'out' }),
    completed({ ...node('a', 1, 'start'), handle: 'out', output: null }),
    failedOn,
    skipped,
    completed({ ...node('join', 1, 'a', 'b'), joined: true, handle: 'out', output: 'joined' }),
    completed({ ...node('lone join', 1, 'a'), joined: true, handle: 'out', output: 'alone' }),
    end,
  ]);
  const runs = nodeRunsOf(
    { input },
    rows.flatMap((row) => (isDetail(row) ? [row] : [])),
  );
  const error = { error: failed };
  expect(runs.map(({ nodeId, status, input, output }) => [nodeId, status, input, output])).toEqual([
    ['start', 'completed', input, input],
    ['a', 'completed', input, null],
    ['b', 'failed', input, error],
    ['c', 'skipped', null, null],
    ['join', 'completed', { a: null, b: error }, 'joined'],
    ['lone join', 'completed', { a: null }, 'alone'],
  ]);
  expect(runs[2]).toMatchObject({ error: failed, handle: 'error', startedAt: at, completedAt: '2026-11-23T12:00:04.000Z' });
  expect(runs[3]).not.toHaveProperty('error');
});

it('is the same under every replay, in whatever batches', () => {
  const send = node('send', 1, 'start');
  const begun: ExecutionEvent = { type: 'node.execution.started', aggregateId: id, payload: send };
  const story = [started, completed({ ...node('start', 1), handle: 'out' }), begun, completed({ ...send, handle: 'out', output: 1 }), end];
  for (const size of [1, 2, 3]) {
    expect(replay(executionDetail, story, size)).toEqual(replay(executionDetail, story));
    expect(replay(executionSummary, story, size)).toEqual(replay(executionSummary, story));
  }
});

describe('a send', () => {
  const channelId = newId();
  const send = node('send', 1, 'start');
  const begun: ExecutionEvent = { type: 'node.execution.started', aggregateId: id, payload: send };
  const held = ({ nodeId, nodeRunId }: typeof send): ExecutionEvent => ({
    type: 'node.effect.held',
    aggregateId: newId(),
    payload: { executionId: id, workflowId, nodeId, nodeRunId, channelId },
  });
  const sent = completed({ ...send, handle: 'out', output: {}, sent: { channelId, messageIds: ['m-1', 'm-2'] } });
  const waiting = { status: 'running', heldFor: channelId, heldSince: '2026-11-23T12:00:02.000Z' };

  it.each([1, 2, 10])('waits for its channel until something else is told of it (batches of %p)', (size) => {
    const failedOnce: ExecutionEvent = {
      type: 'node.execution.retried',
      aggregateId: id,
      payload: { ...send, error: failed, retryAt: '2026-11-23T12:00:09.000Z' },
    };
    const rowAfter = (...events: ExecutionEvent[]) => replay(executionDetail, [begun, held(send), ...events], size)[0];
    expect(rowAfter()).toMatchObject(waiting);
    for (const event of [sent, failedOnce]) expect(rowAfter(event)).toMatchObject({ heldFor: null, heldSince: null });
    const again: ExecutionEvent = {
      type: 'workflow.execution.retried',
      aggregateId: id,
      payload: { workflowId, by: 'ada', nodes: [{ nodeId: 'send' }] },
    };
    expect(rowAfter(again)).toMatchObject({ heldFor: null, heldSince: null });
  });

  it.each([1, 2, 10])('is known by each of its messages, however often it is told (batches of %p)', (size) => {
    const late: ExecutionEvent = {
      type: 'node.effect.sent_after_cancel',
      aggregateId: newId(),
      payload: {
        executionId: id,
        workflowId,
        nodeId: 'late',
        iteration: 'each:2',
        nodeRunId: newId(),
        outcome: 'succeeded',
        sent: { channelId, messageIds: ['m-3'] },
      },
    };
    const rows = replay(sentMessage, [started, begun, completed({ ...node('other', 1), handle: 'out' }), sent, sent, late, end], size);
    const by = { channelId, executionId: id, workflowId, iteration: '' };
    expect(rows).toMatchObject([
      { ...by, messageId: 'm-1', nodeId: 'send' },
      { ...by, messageId: 'm-2', nodeId: 'send' },
      { ...by, messageId: 'm-3', nodeId: 'late', iteration: 'each:2' },
    ]);
  });
});
