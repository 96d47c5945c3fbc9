import type { Json, JsonObject } from '@sluice/kernel';
import type { CanonicalEvent, Channel, ProviderAdapter } from '../adapter.js';
import { canonicalEvent, type Happening, isForeign, itemsMax, unknownEvent } from '../canonical-event.js';
import { wrongAccount } from '../checks.js';
import { idOf, listOf, objectOf, textOf, timeOf } from '../json-values.js';
import { hmacSample, sampleText } from '../samples.js';
import { type HmacScheme, verifyHmac } from '../signatures.js';
import { lineApi } from './api.js';

const signature: HmacScheme = { header: 'x-line-signature', prefix: '', algorithm: 'sha256', encoding: 'base64' };

/**
 * LINE: what people write to an official account, alone or in groups. The console's Verify button sends a call without events. The rules
 * come from LINE's pages on receiving messages and from its OpenAPI description.
 */
export const line: ProviderAdapter = {
  name: 'line',
  actionTypes: ['message', 'postback', 'follow', 'membership', 'standby'],
  bodyBytesMax: 1024 * 1024,
  secretMembers: ['replyToken'],
  verify: ({ headers, body }, { secrets }) => verifyHmac(headers, body, signature, secrets.signingSecrets),
  normalise,
  check: (draft) => wrongAccount(draft, /^U[0-9a-f]{32}$/, "the bot's user id, U…"),
  api: lineApi,
  sample: (channel, { id, at }) => {
    const message = { id: `sluice-test-${id}`, type: 'text', text: sampleText };
    const source = { type: 'user', userId: 'U00000000000000000000000000000001' };
    const event = { type: 'message', mode: 'active', webhookEventId: `SLUICE${id}`, timestamp: at.getTime(), source, message };
    return hmacSample(channel, signature, {
      destination: channel.externalAccountId ?? 'U00000000000000000000000000000000',
      events: [event],
    });
  },
};

function normalise(body: Json, { externalAccountId }: Channel): readonly CanonicalEvent[] {
  const account = idOf(objectOf(body)?.destination) ?? null;
  const items = listOf(objectOf(body)?.events);
  if (items === undefined || items.length > itemsMax) return [unknownEvent('line', account, body)];
  return items.map((item) => eventOf(item, account, isForeign(account, externalAccountId)));
}

function eventOf(item: Json, account: string | null, foreign: boolean): CanonicalEvent {
  const fields = objectOf(item);
  const id = idOf(fields?.webhookEventId);
  if (fields === undefined || id === undefined) return unknownEvent('line', account, item);

  const source = objectOf(fields.source);
  const { ignoredBecause, ...said } = fields.mode === 'standby' ? standby(read(fields)) : read(fields);
  return canonicalEvent({
    ...said,
    key: ['line', account ?? '', 'event', id],
    accountId: account,
    customerId: idOf(source?.userId) ?? null,
    conversationId: idOf(source?.groupId) ?? idOf(source?.roomId),
    direction: 'in',
    occurredMs: timeOf(fields.timestamp),
    ignoredBecause: foreign ? 'foreign_account' : ignoredBecause,
    foreignAccount: foreign ? true : undefined,
    replyToken: idOf(fields.replyToken),
    raw: item,
  });
}

type Said = Pick<Happening, 'kind' | 'action' | 'ignoredBecause' | 'text' | 'payload' | 'content' | 'attachments' | 'replyTo'>;

/** Another module has the conversation and answers. */
const standby = (said: Said): Said => ({ ...said, kind: 'standby_message', action: 'standby', ignoredBecause: 'standby' });

function read(fields: JsonObject): Said {
  switch (fields.type) {
    case 'message': {
      const message = objectOf(fields.message);
      const type = textOf(message?.type);
      const said = { kind: 'message', action: 'message', replyTo: idOf(message?.quotedMessageId) };
      if (type === undefined) return { ...said, kind: 'message_unsupported', ignoredBecause: 'unsupported' };
      return type === 'text' ? { ...said, text: textOf(message?.text) } : { ...said, attachments: [{ type }], content: fields.message };
    }
    case 'postback':
      return { kind: 'postback', action: 'postback', payload: textOf(objectOf(fields.postback)?.data), content: fields.postback };
    case 'unsend':
      return { kind: 'unsend', action: 'message', ignoredBecause: 'deletion' };
    case 'follow':
    case 'unfollow':
      return { kind: fields.type, action: 'follow', ignoredBecause: 'system' };
    case 'join':
    case 'leave':
    case 'memberJoined':
    case 'memberLeft':
      return { kind: 'membership', action: 'membership', ignoredBecause: 'system' };
    default:
      return { kind: 'unknown', action: 'unknown', ignoredBecause: 'unknown' };
  }
}
