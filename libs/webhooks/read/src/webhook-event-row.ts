import type { WebhookEventQuery } from '@sluice/contracts';
import { selectList } from '@sluice/platform-projections';
import { type WebhookEventHistory, webhookEventHistory } from './webhook-event-history.projection.js';

export const webhookEventColumns = selectList(webhookEventHistory, 'h');

export function webhookEventOf({ tenantId: _, item, ignoredBecause, error, ...event }: WebhookEventHistory): WebhookEventQuery {
  const { conversationId, messageId, text, payload, attachments, emoji, replyTo, ref, foreignAccount, test } = item;
  return {
    ...event,
    ...(ignoredBecause !== null && { ignoredBecause }),
    ...(error !== null && { error }),
    ...definedOf({ conversationId, messageId, text, payload, attachments, emoji, replyTo, ref, foreignAccount, test }),
  };
}

function definedOf<T extends object>(fields: T): Partial<T> {
  const defined: Partial<T> = { ...fields };
  for (const name in defined) if (defined[name] === undefined) delete defined[name];
  return defined;
}
