import type { SentMessages } from '@sluice/engine';
import type { ExecutionEvent } from '@sluice/executions-domain';
import { type Logged, type Projection, type TenantRow, unchanged } from '@sluice/platform-projections';

/** A message that a node sent, by the name that its provider gave it. */
export interface SentMessage extends TenantRow {
  readonly channelId: string;
  readonly messageId: string;
  readonly executionId: string;
  readonly workflowId: string;
  readonly nodeId: string;
  readonly iteration: string;
  readonly sentAt: string;
}

interface Said {
  readonly workflowId: string;
  readonly nodeId: string;
  readonly iteration?: string;
  readonly executionId?: string;
  readonly sent?: SentMessages;
}

const sent = ({
  aggregateId,
  payload,
  timestamp: sentAt,
}: Pick<Logged<ExecutionEvent>, 'aggregateId' | 'timestamp'> & { payload: Said }) => {
  const { executionId = aggregateId, workflowId, nodeId, iteration = '' } = payload;
  return { executionId, workflowId, nodeId, iteration, sentAt };
};

/** Whose message an echo or a receipt is about, whichever of the two is known first. */
export const sentMessage: Projection<ExecutionEvent, SentMessage, 'channelId' | 'messageId'> = {
  table: 'sent_message',
  key: ['channelId', 'messageId'],
  columns: {
    tenantId: 'uuid',
    channelId: 'uuid',
    messageId: 'text',
    executionId: 'uuid',
    workflowId: 'uuid',
    nodeId: 'text',
    iteration: 'text',
    sentAt: 'timestamptz',
  },
  keys: ({ payload }) => {
    if (!('sent' in payload) || payload.sent === undefined) return [];
    const { channelId, messageIds } = payload.sent;
    return messageIds.map((messageId) => ({ channelId, messageId }));
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
    'workflow.execution.retried': unchanged,
    'workflow.execution.moved': unchanged,
    'node.execution.started': unchanged,
    'node.execution.completed': sent,
    'node.execution.failed': unchanged,
    'node.execution.retried': unchanged,
    'node.execution.skipped': unchanged,
    'node.execution.waiting': unchanged,
    'node.execution.in_doubt': unchanged,
    'node.effect.sent_after_cancel': sent,
    'node.effect.held': unchanged,
  },
};
