import { DEFAULT_HANDLE } from '@sluice/engine';
import type { Json, JsonObject } from '@sluice/kernel';
import { v5 as uuidOfName } from 'uuid';
import { optionalBoolean, optionalText, requiredText } from '../config-fields.js';
import type { EffectNodeType, EffectTools, NodeFailure, NodeInput, SendBudget } from '../node-type.js';
import { excerpt } from '../response-body.js';
import { channelField, splitField, textField, toField } from './channel-fields.js';
import { channelOf, ofTrigger } from './channel-of.js';
import { bareFailure, jsonRequest, messageIdIn, objectIn, type ProviderAnswer, readAnswer } from './provider-answer.js';
import {
  credentialsExpired,
  errorTable,
  failureOf,
  permissionMissing,
  rateLimited,
  refused,
  type Trouble,
  unavailable,
} from './provider-errors.js';
import { type TextLimit, textParts } from './several-messages.js';

/** Five messages go in one call. */
const limit: TextLimit = { provider: 'LINE', max: 5000, unit: 'characters', partsMax: 5 };
const calls: SendBudget = { key: 'account', calls: 2_000, perMs: 1_000 };

/** A reply token lives for about a minute. */
const REPLY_MS = 45_000;
/** Namespace of the retry keys that are made of ours */
const RETRY_KEYS = '6f1c3a52-7d0b-4b5e-9a34-1d2f6c8e4b70';

export const lineSendMessage: EffectNodeType = {
  type: 'line.sendMessage',
  kind: 'effect',
  effect: 'at_least_once',
  title: 'LINE: send message',
  description:
    'Writes to a person, a group or a room. What is sent at once after the event that started the run answers that event, which costs ' +
    'nothing; all else is pushed. Its output is `{to, messageId}` of the last message, with all `messageIds` if there are several. A push ' +
    'carries a retry key and arrives once; a reply whose connection is lost may arrive a second time, as a push. `reply: false` rules that out.',
  configSchema: {
    title: 'LINE: send message',
    type: 'object',
    properties: {
      channelId: channelField,
      to: toField('The id of a person, group or room.', '{{ trigger.conversationId }}'),
      text: textField('5000 characters a message, at most five messages in one call.', { maxLength: 25_000, needsValue: true }),
      reply: {
        title: 'Reply',
        description: `Answers the trigger's event where that is possible: within ${REPLY_MS / 1000} s, and once. \`false\`: always pushes.`,
        type: 'boolean',
        default: true,
      },
      split: splitField,
    },
    required: ['to', 'text'],
    additionalProperties: false,
    examples: [{ to: '{{ trigger.customerId }}', text: 'Thank you, {{ input.name }}!' }],
  },
  handles: () => [DEFAULT_HANDLE],
  async run(input, tools) {
    const { config, now } = input;
    const to = requiredText(config, 'to');
    const messages = textParts(requiredText(config, 'text'), limit, config).map((text) => ({ type: 'text', text }));
    const channel = await channelOf('line', input, tools);
    await tools.pace(channel, [calls]);

    const replyToken = replyTokenOf(input, tools, channel.id, to);
    const secrets = [channel.accessToken, ...(replyToken === undefined ? [] : [replyToken])];
    const call = async (path: string, headers: Readonly<Record<string, string>>, body: JsonObject): Promise<ProviderAnswer> => {
      const request = jsonRequest('POST', `${tools.providerApi('line')}/v2/bot/message/${path}`, headers, body);
      return readAnswer(await tools.send(request), secrets, now);
    };
    const authorization = { authorization: `Bearer ${channel.accessToken}` };
    const reply = replyToken === undefined ? undefined : await call('reply', authorization, { replyToken, messages });
    // The token was used or has died meanwhile.
    const replied = reply === undefined || isDeadToken(reply) ? undefined : reply;
    const retryKey = { 'x-line-retry-key': uuidOfName(tools.idempotencyKey, RETRY_KEYS) };
    const answer = replied ?? (await call('push', { ...authorization, ...retryKey }, { to, messages }));
    // An earlier attempt got through.
    if (answer.status >= 400 && answer.status !== 409) throw lineFailure(answer);
    return { kind: 'done', handle: DEFAULT_HANDLE, output: outputOf(to, answer) };
  },
};

/** Of the event that started the run, while it is fresh and if its answer is for whom the event came from. */
function replyTokenOf({ config, trigger, now }: NodeInput, tools: EffectTools, channelId: string, to: string): string | undefined {
  if (optionalBoolean(config, 'reply') === false || ofTrigger(trigger, 'channelId') !== channelId) return undefined;
  // In a group the answer goes to all of it.
  if (to !== (ofTrigger(trigger, 'conversationId') ?? ofTrigger(trigger, 'customerId'))) return undefined;
  const ageMs = now.getTime() - Date.parse(ofTrigger(trigger, 'receivedAt') ?? '');
  return ageMs <= REPLY_MS ? tools.replyToken(trigger) : undefined;
}

const isDeadToken = ({ status, body }: ProviderAnswer): boolean =>
  status === 400 && String(body['message']).startsWith('Invalid reply token');

function outputOf(to: string, answer: ProviderAnswer): Json {
  const sent = answer.body['sentMessages'] ?? [];
  const messageIds = (Array.isArray(sent) ? sent : []).flatMap((message: Json) => optionalText(objectIn(message), 'id') ?? []);
  // Accepted before: the ids are told again, but not by every version of the API.
  const accepted = answer.status === 409 ? answer.headers['x-line-accepted-request-id'] : undefined;
  const messageId = messageIdIn('LINE', answer, messageIds.at(-1) ?? accepted);
  return { to, messageId, ...(messageIds.length > 1 && { messageIds }) };
}

const quotaExhausted: Trouble = {
  code: 'quota_exhausted',
  says: "The account has sent all messages of this month's plan",
  retryable: false,
};

const byStatus = errorTable([credentialsExpired, 401], [permissionMissing, 403], [rateLimited(30_000), 429], [unavailable, 503]);

function lineFailure(answer: ProviderAnswer): NodeFailure {
  const { status, body, retryAfterMs } = answer;
  const { message } = body;
  if (typeof message !== 'string' || (status >= 500 && status !== 503)) return bareFailure('LINE', answer);
  const isQuota = status === 429 && message.includes('monthly limit');
  const details = { status, message: excerpt(message), details: body['details'] ?? null };
  return failureOf(isQuota ? quotaExhausted : (byStatus.get(status) ?? refused), details, status === 429 ? retryAfterMs : undefined);
}
