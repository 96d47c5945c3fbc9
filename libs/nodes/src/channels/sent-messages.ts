import type { SentMessages } from '@sluice/engine';
import { isJsonObject, isUuid, type Json } from '@sluice/kernel';
import type { NodeInput } from '../node-type.js';

const idCharactersMax = 512;
const messagesMax = 20;

/**
 * What a node that is done has sent, by its output: `messageId`, or all `messageIds`; by the channel of the config, else of the trigger. undefined:
 * nothing by a channel. Never throws: what is sent is sent.
 */
export function sentMessages({ config, trigger }: Pick<NodeInput, 'config' | 'trigger'>, output: Json): SentMessages | undefined {
  if (!isJsonObject(output)) return undefined;
  const { messageId, messageIds = [messageId ?? null] } = output;
  const named = (Array.isArray(messageIds) ? messageIds : []).filter(
    (id): id is string => typeof id === 'string' && id !== '' && id.length <= idCharactersMax,
  );
  const channelId = config['channelId'] || (isJsonObject(trigger) ? trigger['channelId'] : undefined);
  if (named.length === 0 || typeof channelId !== 'string' || !isUuid(channelId)) return undefined;
  return { channelId: channelId.toLowerCase(), messageIds: [...new Set(named)].slice(-messagesMax) };
}
