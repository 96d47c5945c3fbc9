import type { WebhookEventQuery } from '@sluice/contracts';
import { blobIn } from '@sluice/kernel';
import { selectList } from '@sluice/platform-projections';
import { bulkyMembers, type KeptApart } from '@sluice/webhooks-domain';
import { type WebhookEventHistory, webhookEventHistory } from './webhook-event-history.projection.js';

export const webhookEventColumns = selectList(webhookEventHistory, 'h');

export function webhookEventOf({ tenantId: _, item, ignoredBecause, error, ...event }: WebhookEventHistory): WebhookEventQuery {
  const { conversationId, messageId, foreignAccount, test } = item;
  const apart = bulkyMembers.flatMap((member) => {
    const blob = blobIn(item[member]);
    return blob === undefined ? [] : [{ member, ...blob }];
  });
  const said = {
    text: inPlace(item.text),
    payload: inPlace(item.payload),
    content: inPlace(item.content),
    attachments: inPlace(item.attachments),
    emoji: inPlace(item.emoji),
    replyTo: inPlace(item.replyTo),
    ref: inPlace(item.ref),
  };
  return {
    ...event,
    ...(ignoredBecause !== null && { ignoredBecause }),
    ...(error !== null && { error }),
    ...definedOf({ conversationId, messageId, ...said, foreignAccount, test }),
    ...(apart.length > 0 && { large: apart }),
  };
}

const isApart = (member: unknown): member is KeptApart => blobIn(member) !== undefined;

const inPlace = <Member>(member: Member | KeptApart | undefined): Member | undefined => (isApart(member) ? undefined : member);

function definedOf<T extends object>(fields: T): Partial<T> {
  const defined: Partial<T> = { ...fields };
  for (const name in defined) if (defined[name] === undefined) delete defined[name];
  return defined;
}
