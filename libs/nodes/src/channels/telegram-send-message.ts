import { DEFAULT_HANDLE } from '@sluice/engine';
import { isJsonObject, type Json, type JsonObject } from '@sluice/kernel';
import { configFailure, isList, optionalChoice, optionalInteger, optionalText, requiredText } from '../config-fields.js';
import type { EffectNodeType, NodeFailure, SendBudget } from '../node-type.js';
import { excerpt } from '../response-body.js';
import { channelField, splitField, textField, toField } from './channel-fields.js';
import { channelOf } from './channel-of.js';
import { bareFailure, jsonRequest, messageIdIn, objectIn, type ProviderAnswer, readAnswer } from './provider-answer.js';
import {
  credentialsExpired,
  errorTable,
  failureOf,
  rateLimited,
  recipientUnknown,
  recipientUnreachable,
  refused,
  textTooLong,
  unavailableWith,
} from './provider-errors.js';
import { sendInTurn, type TextLimit, textParts } from './several-messages.js';

const limit: TextLimit = { provider: 'Telegram', max: 4096, unit: 'characters', partsMax: 5 };
const PARSE_MODES = ['HTML', 'MarkdownV2'] as const;

export const telegramSendMessage: EffectNodeType = {
  type: 'telegram.sendMessage',
  kind: 'effect',
  effect: 'at_least_once',
  title: 'Telegram: send message',
  description:
    'Writes to a chat as the bot. Its output is `{chatId, messageId}` of the last message, with all `messageIds` if there are several. ' +
    "Telegram knows no idempotency keys: after a lost connection a message may be sent twice, unless the node's policy says `at_most_once`.",
  configSchema: {
    title: 'Telegram: send message',
    type: 'object',
    properties: {
      channelId: channelField,
      to: toField("The chat's id, or the name of a public channel.", '{{ trigger.conversationId }}', '@our_channel'),
      text: textField('4096 characters a message, at most five messages.', { maxLength: 20_480, needsValue: true }),
      parseMode: {
        title: 'Markup',
        description: 'How the text is marked up; none: as it is. With markup it is not split.',
        type: 'string',
        enum: [...PARSE_MODES],
      },
      replyTo: { title: 'Reply to', description: 'The id of the message that the first one answers.', type: ['string', 'integer'] },
      buttons: {
        title: 'Buttons',
        description: 'Below the last message, one in a row: a press is an event with `data` as its payload, or opens `url`.',
        type: 'array',
        items: {
          type: 'object',
          properties: {
            text: { title: 'Text', type: 'string', minLength: 1 },
            data: { title: 'Data', description: 'At most 64 bytes.', type: 'string', bytesMax: 64, minLength: 1 },
            url: { title: 'URL', type: 'string', format: 'http-url' },
          },
          required: ['text'],
          oneOf: [{ required: ['data'] }, { required: ['url'] }],
          additionalProperties: false,
        },
      },
      split: splitField,
    },
    required: ['to', 'text'],
    additionalProperties: false,
    examples: [{ to: '{{ trigger.conversationId }}', text: 'Thank you, {{ input.name }}!' }],
  },
  handles: () => [DEFAULT_HANDLE],
  async run(input, tools) {
    const { config, now } = input;
    const to = requiredText(config, 'to');
    const messages = messagesIn(config);
    const channel = await channelOf('telegram', input, tools);
    const token = tokenIn(channel.accessToken);

    const send = async (chatId: string, message: JsonObject, idempotencyKey: string): Promise<ProviderAnswer> => {
      const url = `${tools.providerApi('telegram')}/bot${token}/sendMessage`;
      const request = jsonRequest('POST', url, { 'idempotency-key': idempotencyKey }, { chat_id: chatId, ...message });
      return readAnswer(await tools.send(request), token, now);
    };
    const output = await sendInTurn(messages, tools.idempotencyKey, async (message, idempotencyKey) => {
      await tools.pace(channel, budgetsOf(to));
      let answer = await send(to, message, idempotencyKey);
      const moved = objectIn(answer.body['parameters'])['migrate_to_chat_id'];
      // The group became a supergroup with another id. Nothing was sent.
      if (moved !== undefined && moved !== null) answer = await send(String(moved), message, idempotencyKey);
      if (answer.status >= 400 || answer.body['ok'] === false) throw telegramFailure(answer);
      const { message_id: id } = objectIn(answer.body['result']);
      return { chatId: moved === undefined ? to : String(moved), messageId: messageIdIn('Telegram', answer, id) };
    });
    return { kind: 'done', handle: DEFAULT_HANDLE, output };
  },
};

function messagesIn(config: JsonObject): readonly JsonObject[] {
  const parseMode = optionalChoice(config, 'parseMode', PARSE_MODES);
  const replyTo = optionalInteger(config, 'replyTo', 1, Number.MAX_SAFE_INTEGER);
  const buttons = buttonsIn(config['buttons'] ?? []);
  // A cut inside a tag would leave both parts unreadable.
  const parts = textParts(requiredText(config, 'text'), limit, parseMode === undefined ? config : { split: false });
  return parts.map((text, index) => ({
    text,
    ...(parseMode !== undefined && { parse_mode: parseMode }),
    ...(index === 0 && replyTo !== undefined && { reply_parameters: { message_id: replyTo } }),
    ...(index === parts.length - 1 && buttons.length > 0 && { reply_markup: { inline_keyboard: buttons.map((button) => [button]) } }),
  }));
}

function buttonsIn(value: Json): readonly JsonObject[] {
  if (!isList(value)) throw configFailure('buttons', 'must be a list');
  return value.map((button, index) => {
    if (!isJsonObject(button)) throw configFailure(`buttons[${index}]`, 'must be an object');
    const url = optionalText(button, 'url');
    return { text: requiredText(button, 'text'), ...(url === undefined ? { callback_data: requiredText(button, 'data') } : { url }) };
  });
}

/** One message a second to each chat, 20 a minute to a group, 30 a second in all. The ids of groups are negative. */
const budgetsOf = (to: string): readonly SendBudget[] => [
  { key: 'account', calls: 30, perMs: 1_000 },
  to.startsWith('-') ? { key: `to/${to}`, calls: 20, perMs: 60_000 } : { key: `to/${to}`, calls: 30, perMs: 30_000 },
];

/** It becomes a part of the URL, so what is no token is not sent anywhere. */
function tokenIn(accessToken: string): string {
  if (/^[\w:-]+$/.test(accessToken)) return accessToken;
  throw failureOf(credentialsExpired, { message: "The channel's access token is no bot token." });
}

/** Telegram has no codes beyond the HTTP status: of a 400 some descriptions are known by how they begin. */
const byStatus = errorTable(
  // A token that never was is 404.
  [credentialsExpired, 401, 404],
  [recipientUnreachable, 403],
  [rateLimited(30_000), 429],
);
const byDescription = errorTable([recipientUnknown, 'chat not found', 'user not found'], [textTooLong, 'message is too long']);

function telegramFailure(answer: ProviderAnswer): NodeFailure {
  const { status, body } = answer;
  const code = Number(body['error_code'] ?? status);
  const description = body['description'];
  if (typeof description !== 'string') return bareFailure('Telegram', answer);
  const words = description.replace(/^Bad Request:\s*/, '');
  const trouble = byStatus.get(code) ?? byDescription.get(words) ?? (code >= 500 ? unavailableWith(code) : refused);
  const { retry_after: seconds } = objectIn(body['parameters']);
  const retryAfterMs = typeof seconds === 'number' ? seconds * 1000 : answer.retryAfterMs;
  return failureOf(trouble, { status, code, message: excerpt(description) }, trouble.code === 'rate_limited' ? retryAfterMs : undefined);
}
