import type { WebhookDefinitionQuery } from '@sluice/contracts';
import { selectList } from '@sluice/platform-projections';
import { type WebhookSummary, webhookSummary } from './webhook-summary.projection.js';

export const webhookColumns = selectList(webhookSummary, 's');

export function webhookOf({ totalCalls, successfulCalls, lastCalledAt, ...webhook }: WebhookSummary): WebhookDefinitionQuery {
  return { ...webhook, stats: { totalCalls, successfulCalls, lastCalledAt } };
}
