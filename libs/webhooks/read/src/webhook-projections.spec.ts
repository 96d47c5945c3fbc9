import { newId } from '@sluice/kernel';
import { replay } from '@sluice/platform-projections';
import type { TriggerEvent, WebhookEvent, WebhookRegistrationEvent } from '@sluice/webhooks-domain';
import { webhookEventHistory } from './webhook-event-history.projection.js';
import { webhookSummary } from './webhook-summary.projection.js';

const [webhookId, otherId, eventId, channelId, deliveryId, executionId] = [newId(), newId(), newId(), newId(), newId(), newId()];
const receivedAt = '2026-11-23T11:59:58.000Z';

const registered = (id: string): WebhookRegistrationEvent => ({
  type: 'webhook.registered',
  aggregateId: id,
  payload: {
    name: 'Messages',
    workflowId: newId(),
    nodeId: 'start',
    provider: 'instagram',
    config: { channelId, triggerType: 'instagram', actionTypes: ['messages'], mode: 'async' },
    endpoint: `/webhooks/${channelId}/instagram/messages`,
    by: 'ada',
  },
});
const event: TriggerEvent = {
  id: eventId,
  provider: 'instagram',
  channelId,
  kind: 'message.text',
  action: 'messages',
  dedupeKey: 'mid.1',
  accountId: 'acc',
  customerId: '42',
  direction: 'in',
  triggers: true,
  text: 'hello',
  occurredAt: '2026-11-23T11:59:57.000Z',
  receivedAt,
};
const payload = { webhookId, webhookIds: [webhookId, otherId], deliveryId, rawPayload: {}, headers: {}, receivedAt, event };
const received: WebhookEvent = { type: 'webhook.received', aggregateId: eventId, payload };
const ignored: WebhookEvent = { type: 'webhook.ignored', aggregateId: eventId, payload: { ...payload, reason: 'path' } };
const processed: WebhookEvent = {
  type: 'webhook.processed',
  aggregateId: eventId,
  payload: { executionIds: [executionId], webhookIds: [webhookId] },
};
const failed: WebhookEvent = { type: 'webhook.failed', aggregateId: eventId, payload: { error: { code: 'x', message: 'y' } } };

it('counts for a webhook the events that named it, and those that started its run', () => {
  const rows = replay(webhookSummary, [registered(webhookId), registered(otherId), received, processed]);
  expect(rows).toMatchObject([
    { id: webhookId, channelId, status: 'active', totalCalls: 1, successfulCalls: 1, lastCalledAt: receivedAt },
    { id: otherId, totalCalls: 1, successfulCalls: 0, lastCalledAt: receivedAt },
  ]);
});

it('counts a webhook that an event names twice once', () => {
  const twice: WebhookEvent = { ...received, payload: { ...payload, webhookIds: [webhookId, webhookId] } };
  expect(replay(webhookSummary, [registered(webhookId), twice])).toMatchObject([{ totalCalls: 1 }]);
});

it('follows an event from its receipt to the runs it started', () => {
  expect(replay(webhookEventHistory, [received, processed])).toEqual([
    {
      tenantId: expect.any(String),
      id: eventId,
      channelId,
      deliveryId,
      provider: 'instagram',
      kind: 'message.text',
      action: 'messages',
      dedupeKey: 'mid.1',
      accountId: 'acc',
      customerId: '42',
      direction: 'in',
      triggers: true,
      status: 'processed',
      ignoredBecause: null,
      webhookIds: [webhookId, otherId],
      executionIds: [executionId],
      item: event,
      error: null,
      correlationId: 'correlation',
      occurredAt: '2026-11-23T11:59:57.000Z',
      receivedAt,
    },
  ]);
});

it('keeps why an event was ignored, until it comes by the right path', () => {
  expect(replay(webhookEventHistory, [ignored])).toMatchObject([{ status: 'ignored', ignoredBecause: 'path' }]);
  expect(replay(webhookEventHistory, [ignored, received])).toMatchObject([{ status: 'received', ignoredBecause: null }]);
});

it('keeps why an event failed', () => {
  expect(replay(webhookEventHistory, [received, failed])).toMatchObject([{ status: 'failed', error: { code: 'x', message: 'y' } }]);
});

it('an event that is tried again is received once more, and keeps the runs that it had started', () => {
  const error = { code: 'workflow_broken', message: 'y' };
  const partly: WebhookEvent = { type: 'webhook.failed', aggregateId: eventId, payload: { error, executionIds: [otherId] } };
  const retried: WebhookEvent = { type: 'webhook.retried', aggregateId: eventId, payload: { deadLetterId: otherId, by: 'ada' } };
  expect(replay(webhookEventHistory, [received, partly])).toMatchObject([{ status: 'failed', executionIds: [otherId] }]);
  expect(replay(webhookEventHistory, [received, partly, retried])).toMatchObject([{ status: 'received', error: null }]);
  expect(replay(webhookEventHistory, [received, partly, retried, processed])).toMatchObject([
    { status: 'processed', error: null, executionIds: [otherId, executionId] },
  ]);
});

it('is the same under every replay, in whatever batches', () => {
  const calls = [registered(webhookId), registered(otherId), received, processed];
  expect(replay(webhookSummary, calls, 1)).toEqual(replay(webhookSummary, calls));
  const story = [ignored, received, processed];
  expect(replay(webhookEventHistory, story, 1)).toEqual(replay(webhookEventHistory, story));
});
