import { open, seal } from '@sluice/channels-domain';
import { isJsonObject, type Json } from '@sluice/kernel';
import type { ChannelEncryption } from './channel-encryption.js';

type Keys = Pick<ChannelEncryption, 'keys'>;

/** A token as an event carries it, for everybody to see; base64 */
type SealedReplyToken = { readonly keyId: string; readonly sealed: string };

interface EventName {
  readonly tenantId: string;
  readonly channelId: string;
  readonly dedupeKey: string;
}

/** With another event's names it does not open. */
const contextOf = ({ tenantId, channelId, dedupeKey }: EventName) => `reply|${tenantId}|${channelId}|${dedupeKey}`;

export function sealReplyToken(token: string, event: EventName, { keys }: Keys): SealedReplyToken {
  const { keyId, bytes } = seal(token, contextOf(event), keys);
  return { keyId, sealed: bytes.toString('base64') };
}

/**
 * The token that came with an event, as workflows see that event. Undefined: it has none, or it does not open: it is another event's, or sealed
 * with a key that is gone. Events are never sealed anew, and tokens are good for minutes.
 */
export function openReplyToken(event: Json, tenantId: string, { keys }: Keys): string | undefined {
  if (!isJsonObject(event) || !isJsonObject(event['replyToken'])) return undefined;
  const { channelId, dedupeKey, replyToken } = event;
  const { keyId, sealed } = replyToken;
  if (![channelId, dedupeKey, keyId, sealed].every((part) => typeof part === 'string')) return undefined;
  try {
    const bytes = Buffer.from(String(sealed), 'base64');
    const context = contextOf({ tenantId, channelId: String(channelId), dedupeKey: String(dedupeKey) });
    return open({ keyId: String(keyId), bytes }, context, keys);
  } catch {
    return undefined;
  }
}
