import { DEFAULT_HANDLE } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import { configFailure, optionalText, requiredText } from '../config-fields.js';
import type { EffectNodeType, NodeFailure, SendBudget } from '../node-type.js';
import { excerpt } from '../response-body.js';
import { channelField, splitField, textField, toField } from './channel-fields.js';
import { accountOf, channelOf } from './channel-of.js';
import { bareFailure, messageIdIn, type ProviderAnswer, readAnswer } from './provider-answer.js';
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
  unavailableWith,
  windowClosed,
} from './provider-errors.js';
import { sendInTurn, type TextLimit, textParts } from './several-messages.js';

const limit: TextLimit = { provider: 'Twilio', max: 1600, unit: 'characters', partsMax: 10 };
/** Ours: Twilio queues for each number by itself, and only too many calls at once are refused. */
const calls: SendBudget = { key: 'account', calls: 100, perMs: 1_000 };

export const twilioSendSms: EffectNodeType = {
  type: 'twilio.sendSms',
  kind: 'effect',
  effect: 'at_least_once',
  title: 'Twilio: send SMS',
  description:
    'Sends a text message by Twilio, or one by WhatsApp if both numbers begin with `whatsapp:`. Its output is `{to, messageId}` of the last ' +
    'message, with all `messageIds` if there are several. Twilio knows no idempotency keys: after a lost connection a message may be sent ' +
    "twice, unless the node's policy says `at_most_once`.",
  configSchema: {
    title: 'Twilio: send SMS',
    type: 'object',
    properties: {
      channelId: channelField,
      to: toField('The phone number with `+` and its country code.', '+4915112345678'),
      text: textField('1600 characters a message, at most ten messages.', { maxLength: 16_000 }),
      from: {
        title: 'From',
        description: "A number of the account. Without it and without a service: `from` of the channel's config.",
        type: 'string',
        minLength: 1,
        examples: ['+15005550006'],
      },
      messagingServiceSid: {
        title: 'Messaging service',
        description: 'Chooses the number.',
        type: 'string',
        minLength: 1,
        examples: ['MG0123456789abcdef0123456789abcdef'],
      },
      mediaUrl: {
        title: 'Media',
        description: 'Where Twilio fetches a picture from (MMS).',
        type: 'string',
        format: 'http-url',
        minLength: 1,
      },
      split: splitField,
    },
    required: ['to'],
    anyOf: [{ required: ['text'] }, { required: ['mediaUrl'] }],
    not: { required: ['from', 'messagingServiceSid'] },
    additionalProperties: false,
    examples: [{ to: '{{ trigger.customerId }}', from: '+15005550006', text: 'Thank you, {{ input.name }}!' }],
  },
  handles: () => [DEFAULT_HANDLE],
  async run(input, tools) {
    const { config, now } = input;
    const to = requiredText(config, 'to');
    const messages = messagesIn(config);
    const channel = await channelOf('twilio', input, tools);
    const account = accountOf(channel, 'Account SID');
    const sender = senderOf(config, channel.config);
    const login = loginOf(account, channel.accessToken);
    const authorization = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
    const output = await sendInTurn(messages, tools.idempotencyKey, async (message, idempotencyKey) => {
      await tools.pace(channel, [calls]);
      const response = await tools.send({
        method: 'POST',
        url: `${tools.providerApi('twilio')}/2010-04-01/Accounts/${account}/Messages.json`,
        headers: { authorization, 'content-type': 'application/x-www-form-urlencoded', 'idempotency-key': idempotencyKey },
        body: new URLSearchParams({ To: to, ...sender, ...message }).toString(),
      });
      const answer = readAnswer(response, login, now);
      if (answer.status >= 400) throw twilioFailure(answer);
      return { to, messageId: messageIdIn('Twilio', answer, answer.body['sid']) };
    });
    return { kind: 'done', handle: DEFAULT_HANDLE, output };
  },
};

/** The picture goes with the first. */
function messagesIn(config: JsonObject): readonly Readonly<Record<string, string>>[] {
  const text = optionalText(config, 'text');
  const mediaUrl = optionalText(config, 'mediaUrl');
  const media = mediaUrl === undefined ? undefined : { MediaUrl: mediaUrl };
  if (text !== undefined) return textParts(text, limit, config).map((Body, index) => ({ Body, ...(index === 0 && media) }));
  if (media === undefined) throw configFailure('text', 'has no value: its expression found nothing');
  return [media];
}

function senderOf(config: JsonObject, channelConfig: JsonObject): Readonly<Record<string, string>> {
  const service = optionalText(config, 'messagingServiceSid');
  if (service !== undefined) return { MessagingServiceSid: service };
  const from = optionalText(config, 'from') ?? optionalText(channelConfig, 'from');
  if (from === undefined) throw configFailure('from', 'is needed, or `messagingServiceSid`');
  return { From: from };
}

/** The account's auth token, or an API key as `SK…:secret` */
function loginOf(account: string, accessToken: string): { readonly type: 'basic'; readonly username: string; readonly password: string } {
  const [, key = account, secret = accessToken] = /^(SK\w+):(.+)$/.exec(accessToken) ?? [];
  return { type: 'basic', username: key, password: secret };
}

const optedOut = { ...recipientUnreachable, says: 'This person has opted out of messages from this number' };

const twilioErrors = errorTable(
  [credentialsExpired, 20003, 20005],
  [rateLimited(10_000), 20429, 14107],
  [recipientUnknown, 21211, 21614],
  [recipientUnreachable, 21612],
  [optedOut, 21610],
  [permissionMissing, 21408],
  [textTooLong, 21617],
  [windowClosed, 63016],
);

function twilioFailure(answer: ProviderAnswer): NodeFailure {
  const { status, body, retryAfterMs } = answer;
  const { code, message } = body;
  if (typeof code !== 'number' || typeof message !== 'string') return bareFailure('Twilio', answer);
  const trouble = twilioErrors.get(code) ?? (status === 429 ? rateLimited(10_000) : status >= 500 ? unavailableWith(status) : refused);
  const details = { status, code, message: excerpt(message), moreInfo: body['more_info'] ?? null };
  return failureOf(trouble, details, trouble.code === 'rate_limited' ? retryAfterMs : undefined);
}
