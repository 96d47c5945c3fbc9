import { createHash } from 'node:crypto';
import { DEFAULT_HANDLE } from '@sluice/engine';
import { optionalText, requiredText } from '../config-fields.js';
import type { EffectNodeType, SendBudget } from '../node-type.js';
import { channelField, splitField, textField } from './channel-fields.js';
import { channelOf, pathPart } from './channel-of.js';
import { allowedMentions, discordFailure } from './discord-errors.js';
import { jsonRequest, messageIdIn, readAnswer } from './provider-answer.js';
import { sendInTurn, type TextLimit, textParts } from './several-messages.js';

export const discordText: TextLimit = { provider: 'Discord', max: 2000, unit: 'characters', partsMax: 5 };

export const discordSendMessage: EffectNodeType = {
  type: 'discord.sendMessage',
  kind: 'effect',
  effect: 'idempotent',
  title: 'Discord: send message',
  description:
    'Writes to a channel as the bot, whose token the channel has as `accessToken`. Its output is `{to, messageId}` of the last message, with ' +
    'all `messageIds` if there are several. Each message carries a nonce: what is sent again within some minutes arrives once. A message ' +
    'calls persons by name, but neither roles nor everybody.',
  configSchema: {
    title: 'Discord: send message',
    type: 'object',
    properties: {
      channelId: channelField,
      to: {
        title: 'To',
        description: 'The id of the Discord channel.',
        type: 'string',
        minLength: 1,
        examples: ['{{ trigger.conversationId }}', '1200000000000000001'],
      },
      text: textField('2000 characters a message, at most five messages.', { maxLength: 10_000, needsValue: true }),
      replyTo: { title: 'Reply to', description: 'The id of the message that the first one answers.', type: 'string', minLength: 1 },
      split: splitField,
    },
    required: ['to', 'text'],
    additionalProperties: false,
    examples: [{ to: '{{ trigger.conversationId }}', text: 'Thank you, {{ input.name }}!' }],
  },
  handles: () => [DEFAULT_HANDLE],
  async run(input, tools) {
    const { config, now } = input;
    const to = pathPart('to', requiredText(config, 'to'));
    const replyTo = optionalText(config, 'replyTo');
    const texts = textParts(requiredText(config, 'text'), discordText, config);
    const messages = texts.map((content, index) => ({
      content,
      allowed_mentions: allowedMentions,
      ...(index === 0 && replyTo !== undefined && { message_reference: { message_id: replyTo, fail_if_not_exists: false } }),
    }));
    const channel = await channelOf('discord', input, tools);
    const output = await sendInTurn(messages, tools.idempotencyKey, async (message, idempotencyKey) => {
      await tools.pace(channel, budgetsOf(to));
      const body = { ...message, nonce: nonceOf(idempotencyKey), enforce_nonce: true };
      const headers = { authorization: `Bot ${channel.accessToken}`, 'idempotency-key': idempotencyKey };
      const request = jsonRequest('POST', `${tools.providerApi('discord')}/channels/${to}/messages`, headers, body);
      const answer = readAnswer(await tools.send(request), channel.accessToken, now);
      if (answer.status >= 400) throw discordFailure(answer);
      return { to, messageId: messageIdIn('Discord', answer, answer.body['id']) };
    });
    return { kind: 'done', handle: DEFAULT_HANDLE, output };
  },
};

/** 50 calls a second in all, five in five seconds to each channel. */
const budgetsOf = (to: string): readonly SendBudget[] => [
  { key: 'account', calls: 50, perMs: 1_000 },
  { key: `to/${to}`, calls: 5, perMs: 5_000 },
];

/** At most 25 characters */
const nonceOf = (idempotencyKey: string): string => createHash('sha256').update(idempotencyKey).digest('base64url').slice(0, 25);
