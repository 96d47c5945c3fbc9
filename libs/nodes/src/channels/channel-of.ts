import { isJsonObject, type Json } from '@sluice/kernel';
import { configFailure, optionalText } from '../config-fields.js';
import { type EffectTools, NodeFailure, type NodeInput, type SendingChannel } from '../node-type.js';
import { failureOf, windowClosed } from './provider-errors.js';

const WINDOW_MS = 24 * 60 * 60 * 1000;

/** The channel that the config names, else the one whose event started the run. */
export function channelIdOf({ config, trigger }: Pick<NodeInput, 'config' | 'trigger'>): string {
  const channelId = optionalText(config, 'channelId') ?? ofTrigger(trigger, 'channelId');
  if (channelId === undefined) throw configFailure('channelId', 'is needed: the run was not started by a channel');
  return channelId;
}

/** What the event that started the run says, where one did. */
export const ofTrigger = (trigger: Json, field: string): string | undefined =>
  isJsonObject(trigger) ? optionalText(trigger, field) : undefined;

export async function channelOf(
  provider: string,
  input: Pick<NodeInput, 'config' | 'trigger'>,
  tools: EffectTools,
): Promise<SendingChannel> {
  const channel = await tools.channel(channelIdOf(input));
  if (channel.provider === provider) return channel;
  const message = `The channel belongs to ${channel.provider}; this node needs a channel of ${provider}`;
  throw new NodeFailure('wrong_channel', message, { retryable: false });
}

/** The account's id at the provider, where calls must name it. */
export function accountOf({ externalAccountId }: SendingChannel, what: string): string {
  if (externalAccountId !== null) return pathPart('externalAccountId', externalAccountId);
  throw new NodeFailure('channel_cannot_send', `The channel has no \`externalAccountId\`: connect it with its ${what}`, {
    retryable: false,
  });
}

/** An id that becomes a part of a URL: nothing in it may lead elsewhere. */
export function pathPart(field: string, id: string): string {
  if (/^[\w:@=-]{1,512}$/.test(id)) return id;
  throw configFailure(field, 'is no id: it has characters that ids do not have');
}

/** Fails when it is known that the provider will refuse the answer. Of somebody who never wrote to us the provider may know more. */
export async function checkReplyWindow(channel: SendingChannel, customerId: string, now: Date, tools: EffectTools): Promise<void> {
  const last = await tools.lastMessageAt(channel.id, customerId);
  if (last === undefined || now.getTime() - last.getTime() <= WINDOW_MS) return;
  throw failureOf(windowClosed, { lastMessageAt: last.toISOString() });
}
