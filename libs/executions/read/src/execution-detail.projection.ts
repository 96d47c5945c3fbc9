import type { NodeError, NodeEvent, NodeRunStatus } from '@sluice/engine';
import type { ExecutionEvent } from '@sluice/executions-domain';
import type { Json } from '@sluice/kernel';
import { type Logged, type Projection, type TenantRow, unchanged } from '@sluice/platform-projections';

/** One node's run. Its input is derived, as in the log: see `inputOf`. */
export interface ExecutionDetail extends TenantRow {
  readonly executionId: string;
  readonly nodeId: string;
  readonly iteration: string;
  readonly id: string;
  readonly workflowId: string;
  readonly type: string;
  readonly status: NodeRunStatus;
  readonly attempt: number;
  readonly handle: string | null;
  readonly inputFrom: readonly string[];
  readonly joined: boolean;
  readonly passesInput: boolean;
  readonly output: Json;
  readonly error: NodeError | null;
  readonly waitUntil: string | null;
  readonly startedAt: string | null;
  readonly completedAt: string | null;
  readonly sentAfterCancel: boolean;
  /** Of a loop: its items, or what stands for them */
  readonly items: Json;
  readonly itemCount: number | null;
  readonly waitsFor: 'time' | 'event' | 'approval' | 'execution' | null;
  readonly calledExecutionId: string | null;
  /** The channel whose new credentials it waits for, as long as those that it has are good for nothing */
  readonly heldFor: string | null;
  readonly heldSince: string | null;
  readonly ord: number;
}

type Attempt = Exclude<NodeEvent, { readonly type: 'node.execution.skipped' }>;

/** What every event of an attempt says anew. A run is known by its first event, whichever that is: fused steps leave `started` out. */
const attempt = ({ payload, position }: Logged<Attempt>, row: ExecutionDetail | undefined) => ({
  id: payload.nodeRunId,
  workflowId: payload.workflowId,
  type: payload.nodeType,
  attempt: payload.attempt,
  handle: null,
  inputFrom: payload.inputFrom,
  joined: payload.joined ?? false,
  passesInput: false,
  output: null,
  error: null,
  waitUntil: null,
  startedAt: payload.startedAt,
  completedAt: null,
  sentAfterCancel: false,
  items: row?.items ?? null,
  itemCount: row?.itemCount ?? null,
  waitsFor: null,
  calledExecutionId: row?.calledExecutionId ?? null,
  heldFor: null,
  heldSince: null,
  ord: row?.ord ?? position,
});

/** `{error}` is what goes on from a node that failed and was left all the same. */
const failureOutput = ({ code, message, details }: NodeError): Json => ({
  error: { code, message, ...(details !== undefined && { details }) },
});

export const executionDetail: Projection<ExecutionEvent, ExecutionDetail, 'executionId' | 'nodeId' | 'iteration'> = {
  table: 'execution_detail',
  key: ['executionId', 'nodeId', 'iteration'],
  columns: {
    tenantId: 'uuid',
    executionId: 'uuid',
    nodeId: 'text',
    iteration: 'text',
    id: 'uuid',
    workflowId: 'uuid',
    type: 'text',
    status: 'text',
    attempt: 'int',
    handle: 'text',
    inputFrom: 'text[]',
    joined: 'boolean',
    passesInput: 'boolean',
    output: 'jsonb',
    error: 'jsonb',
    waitUntil: 'timestamptz',
    startedAt: 'timestamptz',
    completedAt: 'timestamptz',
    sentAfterCancel: 'boolean',
    items: 'jsonb',
    itemCount: 'int',
    waitsFor: 'text',
    calledExecutionId: 'uuid',
    heldFor: 'uuid',
    heldSince: 'timestamptz',
    ord: 'bigint',
  },
  keys: ({ aggregateId, payload, type }) => {
    if (type === 'workflow.execution.retried') {
      return payload.nodes.map(({ nodeId, iteration = '' }) => ({ executionId: aggregateId, nodeId, iteration }));
    }
    if (!('nodeRunId' in payload)) return [];
    return [
      {
        executionId: 'executionId' in payload ? payload.executionId : aggregateId,
        nodeId: payload.nodeId,
        iteration: payload.iteration ?? '',
      },
    ];
  },
  on: {
    'workflow.node.triggered': unchanged,
    'workflow.execution.started': unchanged,
    'workflow.execution.waiting': unchanged,
    'workflow.execution.paused': unchanged,
    'workflow.execution.resumed': unchanged,
    'workflow.execution.completed': unchanged,
    'workflow.execution.failed': unchanged,
    'workflow.execution.incomplete': unchanged,
    'workflow.execution.cancelled': unchanged,
    // These nodes run again, and nothing else says so until they have ended.
    'workflow.execution.retried': (_event, row) =>
      row && {
        status: 'running',
        attempt: row.attempt + 1,
        completedAt: null,
        waitUntil: null,
        waitsFor: null,
        heldFor: null,
        heldSince: null,
      },
    'workflow.execution.moved': unchanged,
    // The last attempt's error stays in sight while the node runs again.
    'node.execution.started': (event, row) => ({
      ...attempt(event, row),
      status: 'running',
      error: row?.error ?? null,
      items: event.payload.items ?? null,
      itemCount: event.payload.itemCount ?? null,
    }),
    'node.execution.completed': (event, row) => ({
      ...attempt(event, row),
      status: 'completed',
      handle: event.payload.handle,
      passesInput: event.payload.output === undefined,
      output: event.payload.output ?? null,
      completedAt: event.timestamp,
    }),
    'node.execution.failed': (event, row) => ({
      ...attempt(event, row),
      status: 'failed',
      handle: event.payload.handle ?? null,
      output: event.payload.handle === undefined ? null : failureOutput(event.payload.error),
      error: event.payload.error,
      completedAt: event.timestamp,
    }),
    'node.execution.retried': (event, row) => ({
      ...attempt(event, row),
      status: 'running',
      attempt: event.payload.attempt + 1,
      error: event.payload.error,
      waitUntil: event.payload.retryAt,
    }),
    'node.execution.skipped': ({ payload, timestamp, position }, row) => ({
      id: payload.nodeRunId,
      workflowId: payload.workflowId,
      type: payload.nodeType,
      status: 'skipped',
      attempt: payload.attempt,
      handle: null,
      inputFrom: [],
      joined: false,
      passesInput: false,
      output: null,
      error: null,
      waitUntil: null,
      startedAt: null,
      completedAt: timestamp,
      sentAfterCancel: false,
      items: null,
      itemCount: null,
      waitsFor: null,
      calledExecutionId: null,
      heldFor: null,
      heldSince: null,
      ord: row?.ord ?? position,
    }),
    'node.execution.waiting': (event, row) => ({
      ...attempt(event, row),
      status: 'waiting',
      waitUntil: event.payload.until ?? null,
      waitsFor: event.payload.for,
      calledExecutionId: event.payload.for === 'execution' ? event.payload.calledExecutionId : null,
    }),
    'node.execution.in_doubt': (event, row) => ({ ...attempt(event, row), status: 'in_doubt', error: event.payload.error }),
    'node.effect.sent_after_cancel': (_event, row) => row && { sentAfterCancel: true },
    'node.effect.held': ({ payload: { channelId: heldFor }, timestamp: heldSince }, row) => row && { heldFor, heldSince },
  },
};
