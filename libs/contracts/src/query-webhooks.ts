import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { Json } from '@sluice/kernel';
import { PageAnswer } from './query-page.js';

export const webhookStatuses = ['active', 'inactive'] as const;
export const webhookEventStatuses = ['received', 'processed', 'ignored', 'held', 'failed'] as const;

export class WebhookConfigQuery {
  @ApiProperty({ format: 'uuid' })
  readonly channelId: string;

  @ApiProperty({ example: 'instagram' })
  readonly triggerType: string;

  @ApiProperty({ type: [String] })
  readonly actionTypes: readonly string[];

  @ApiPropertyOptional({ description: 'An expression over the event' })
  readonly filter?: string;

  @ApiProperty({ enum: ['async', 'sync'] })
  readonly mode: 'async' | 'sync';
}

export class WebhookStatsQuery {
  @ApiProperty({ description: 'Events that came for this webhook' })
  readonly totalCalls: number;

  @ApiProperty({ description: 'Events that started their run' })
  readonly successfulCalls: number;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly lastCalledAt: string | null;
}

export class WebhookDefinitionQuery {
  @ApiProperty({ format: 'uuid' })
  readonly id: string;

  @ApiProperty({ format: 'uuid' })
  readonly tenantId: string;

  @ApiProperty()
  readonly name: string;

  @ApiProperty({ format: 'uuid' })
  readonly workflowId: string;

  @ApiProperty()
  readonly nodeId: string;

  @ApiProperty({ example: 'instagram' })
  readonly provider: string;

  @ApiProperty({ format: 'uuid' })
  readonly channelId: string;

  @ApiProperty({ type: WebhookConfigQuery })
  readonly config: WebhookConfigQuery;

  @ApiProperty({ description: 'Path under the gateway' })
  readonly endpoint: string;

  @ApiProperty({ enum: webhookStatuses })
  readonly status: (typeof webhookStatuses)[number];

  @ApiProperty({ type: WebhookStatsQuery })
  readonly stats: WebhookStatsQuery;

  @ApiProperty()
  readonly createdBy: string;

  @ApiProperty({ format: 'date-time' })
  readonly createdAt: string;

  @ApiProperty({ format: 'date-time' })
  readonly updatedAt: string;
}

export class WebhookPage extends PageAnswer {
  @ApiProperty({ type: [WebhookDefinitionQuery] })
  readonly items: readonly WebhookDefinitionQuery[];
}

export class WebhookEventErrorQuery {
  @ApiProperty()
  readonly code: string;

  @ApiProperty()
  readonly message: string;
}

export class LargeMemberQuery {
  @ApiProperty({ example: 'text' })
  readonly member: string;

  @ApiProperty()
  readonly sha256: string;

  @ApiProperty({ description: 'Of its JSON' })
  readonly bytes: number;
}

export class SentByQuery {
  @ApiProperty({ format: 'uuid' })
  readonly executionId: string;

  @ApiProperty({ format: 'uuid' })
  readonly workflowId: string;

  @ApiProperty({ description: 'The node in the workflow' })
  readonly nodeId: string;

  @ApiPropertyOptional({ example: 'orders:3', description: 'In a loop: the loop and the place of the item, from 0' })
  readonly iteration?: string;

  @ApiProperty({ format: 'date-time' })
  readonly sentAt: string;
}

export class WebhookEventQuery {
  @ApiProperty({ format: 'uuid' })
  readonly id: string;

  @ApiProperty({ format: 'uuid' })
  readonly channelId: string;

  @ApiProperty({ example: 'instagram' })
  readonly provider: string;

  @ApiProperty({ example: 'message.text' })
  readonly kind: string;

  @ApiProperty({ example: 'messages' })
  readonly action: string;

  @ApiProperty()
  readonly dedupeKey: string;

  @ApiProperty({ type: String, nullable: true })
  readonly accountId: string | null;

  @ApiProperty({ type: String, nullable: true })
  readonly customerId: string | null;

  @ApiPropertyOptional()
  readonly conversationId?: string;

  @ApiProperty({ enum: ['in', 'out'] })
  readonly direction: 'in' | 'out';

  @ApiProperty({ format: 'date-time' })
  readonly occurredAt: string;

  @ApiProperty({ format: 'date-time' })
  readonly receivedAt: string;

  @ApiProperty({ description: 'Whether events of this kind start runs' })
  readonly triggers: boolean;

  @ApiProperty({ enum: webhookEventStatuses })
  readonly status: (typeof webhookEventStatuses)[number];

  @ApiProperty({ type: [String], description: 'The runs it started' })
  readonly executionIds: readonly string[];

  @ApiPropertyOptional()
  readonly ignoredBecause?: string;

  @ApiPropertyOptional({ type: WebhookEventErrorQuery })
  readonly error?: WebhookEventErrorQuery;

  @ApiProperty({ format: 'uuid', description: 'The provider’s call that brought it' })
  readonly deliveryId: string;

  @ApiProperty({ type: [String], description: 'The webhooks it came for' })
  readonly webhookIds: readonly string[];

  @ApiPropertyOptional({ description: 'The provider’s id of the message that it is, or is about' })
  readonly messageId?: string;

  @ApiPropertyOptional({ type: SentByQuery, description: 'Who sent the message that it is about. Asked for by its id, not in lists' })
  readonly sentBy?: SentByQuery;

  @ApiPropertyOptional()
  readonly text?: string;

  @ApiPropertyOptional({ description: 'Any JSON: what a button or a postback carries; of systems of record, all that was sent' })
  readonly payload?: Json;

  @ApiPropertyOptional({
    description: 'Any JSON, as it was sent: a command’s options, a form’s values, a picture’s id and caption, a place',
  })
  readonly content?: Json;

  @ApiPropertyOptional({ type: 'array', items: { type: 'object' } })
  readonly attachments?: readonly { readonly type: string; readonly url?: string }[];

  @ApiPropertyOptional()
  readonly emoji?: string;

  @ApiPropertyOptional({ description: 'The id of the message replied to' })
  readonly replyTo?: string;

  @ApiPropertyOptional()
  readonly ref?: string;

  @ApiPropertyOptional({ description: 'It belongs to another account of the same app' })
  readonly foreignAccount?: boolean;

  @ApiPropertyOptional({ enum: [true], description: 'A test delivery, which Sluice sent itself' })
  readonly test?: true;

  @ApiPropertyOptional({
    type: [LargeMemberQuery],
    description: 'Of an event over 64 KiB, the members that are too large to stand here: `GET /api/blobs/{sha256}` has each',
  })
  readonly large?: readonly LargeMemberQuery[];

  @ApiProperty()
  readonly correlationId: string;
}

export class WebhookEventPage extends PageAnswer {
  @ApiProperty({ type: [WebhookEventQuery] })
  readonly items: readonly WebhookEventQuery[];
}
