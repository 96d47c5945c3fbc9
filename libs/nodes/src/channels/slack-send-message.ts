import { DEFAULT_HANDLE } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import { configFailure, isList, kindOf, optionalText, requiredText } from '../config-fields.js';
import type { EffectNodeType, NodeFailure, SendBudget } from '../node-type.js';
import { excerpt } from '../response-body.js';
import { channelField, splitField, textField, toField } from './channel-fields.js';
import { channelOf } from './channel-of.js';
import { bareFailure, jsonRequest, messageIdIn, type ProviderAnswer, readAnswer } from './provider-answer.js';
import {
  credentialsExpired,
  errorTable,
  failureOf,
  permissionMissing,
  rateLimited,
  recipientUnknown,
  recipientUnreachable,
  refused,
  textTooLong,
  type Trouble,
  unavailable,
} from './provider-errors.js';
import { sendInTurn, type TextLimit, textParts } from './several-messages.js';

/** Slack takes 40 000 characters and then cuts, but asks for no more than 4000. */
const limit: TextLimit = { provider: 'Slack', max: 4000, unit: 'characters', partsMax: 10 };

export const slackSendMessage: EffectNodeType = {
  type: 'slack.sendMessage',
  kind: 'effect',
  effect: 'at_least_once',
  title: 'Slack: send message',
  description:
    'Writes to a channel or a person as the bot. Its output is `{channel, messageId}` of the last message, the latter being its `ts`, with ' +
    'all `messageIds` if there are several. Slack knows no idempotency keys: after a lost connection a message may be sent twice, unless ' +
    "the node's policy says `at_most_once`.",
  configSchema: {
    title: 'Slack: send message',
    type: 'object',
    properties: {
      channelId: channelField,
      to: toField('The id of a Slack channel or a person.', '{{ trigger.conversationId }}', 'C0123456789'),
      text: textField('4000 characters a message, at most ten messages. With blocks: what notifications show.', {
        maxLength: 40_000,
        needsValue: true,
      }),
      blocks: {
        title: 'Blocks',
        description: "What is shown instead of the text, as in Slack's Block Kit. The text is not split then.",
        type: 'array',
        items: { type: 'object' },
        maxItems: 50,
        examples: [[{ type: 'section', text: { type: 'mrkdwn', text: '*New order* {{ input.orderId }}' } }]],
      },
      threadTs: { title: 'Thread', description: 'The `ts` of the message below which it is written.', type: 'string', minLength: 1 },
      split: splitField,
    },
    required: ['to', 'text'],
    additionalProperties: false,
    examples: [{ to: 'C0123456789', text: 'New order: {{ input.orderId }}' }],
  },
  handles: () => [DEFAULT_HANDLE],
  async run(input, tools) {
    const { config, now } = input;
    const to = requiredText(config, 'to');
    const messages = messagesIn(config);
    const channel = await channelOf('slack', input, tools);
    const output = await sendInTurn(messages, tools.idempotencyKey, async (message, idempotencyKey) => {
      await tools.pace(channel, [budgetOf(to)]);
      const headers = { authorization: `Bearer ${channel.accessToken}`, 'idempotency-key': idempotencyKey };
      const request = jsonRequest('POST', `${tools.providerApi('slack')}/chat.postMessage`, headers, { channel: to, ...message });
      const answer = readAnswer(await tools.send(request), channel.accessToken, now);
      if (answer.status >= 400 || answer.body['ok'] === false) throw slackFailure(answer);
      const { channel: place, ts } = answer.body;
      return { channel: typeof place === 'string' ? place : to, messageId: messageIdIn('Slack', answer, ts) };
    });
    return { kind: 'done', handle: DEFAULT_HANDLE, output };
  },
};

function messagesIn(config: JsonObject): readonly JsonObject[] {
  const blocks = config['blocks'] ?? undefined;
  if (blocks !== undefined && !isList(blocks)) throw configFailure('blocks', `must be a list, not ${kindOf(blocks)}`);
  const threadTs = optionalText(config, 'threadTs');
  const parts = textParts(requiredText(config, 'text'), limit, blocks === undefined ? config : { split: false });
  return parts.map((text) => ({
    text,
    ...(blocks !== undefined && { blocks }),
    ...(threadTs !== undefined && { thread_ts: threadTs }),
  }));
}

/** About one message a second to each channel, and a few more at once. */
const budgetOf = (to: string): SendBudget => ({ key: `to/${to}`, calls: 30, perMs: 30_000 });

/** Something went wrong after Slack had begun. */
const brokenOff: Trouble = { ...unavailable, outcomeUnknown: true };

export const slackErrors = errorTable(
  [rateLimited(30_000), 'ratelimited', 'rate_limited'],
  [brokenOff, 'internal_error', 'fatal_error'],
  [unavailable, 'service_unavailable', 'request_timeout', 'team_added_to_org'],
  [credentialsExpired, 'token_expired', 'token_revoked', 'invalid_auth', 'not_authed', 'account_inactive'],
  [permissionMissing, 'missing_scope', 'no_permission', 'not_allowed_token_type', 'restricted_action', 'ekm_access_denied'],
  [recipientUnknown, 'channel_not_found', 'user_not_found'],
  [recipientUnreachable, 'not_in_channel', 'is_archived', 'cannot_dm_bot', 'messages_tab_disabled'],
  [textTooLong, 'msg_too_long'],
);

/** The word decides: the usual answer to what fails is 200 with `ok: false`. */
function slackFailure(answer: ProviderAnswer): NodeFailure {
  const { status, body, retryAfterMs } = answer;
  const { error } = body;
  const word = status === 429 ? 'ratelimited' : error;
  if (typeof word !== 'string') return bareFailure('Slack', answer);
  const trouble = slackErrors.get(word) ?? (status >= 500 ? brokenOff : refused);
  const details = { status, code: word, message: excerpt(word), needed: body['needed'] ?? null };
  return failureOf(trouble, details, trouble.code === 'rate_limited' ? retryAfterMs : undefined);
}
