import { DEFAULT_HANDLE } from '@sluice/engine';
import { requiredText } from '../config-fields.js';
import type { EffectNodeType, SendBudget } from '../node-type.js';
import { attachmentField, channelField, splitField, textField, toField } from './channel-fields.js';
import { accountOf, channelIdOf, channelOf, checkReplyWindow } from './channel-of.js';
import { postToGraph } from './meta-graph.js';
import { isAttachment, messagesIn } from './meta-message.js';
import { messageIdIn } from './provider-answer.js';
import { hasReference, proofInEvents, sendInTurn, type TextLimit } from './several-messages.js';

const limit: TextLimit = { provider: 'Messenger', max: 2000, unit: 'characters', partsMax: 10 };
const textCalls: SendBudget = { key: 'account', calls: 300, perMs: 1_000 };
const mediaCalls: SendBudget = { key: 'account/media', calls: 10, perMs: 1_000 };

export const messengerSendMessage: EffectNodeType = {
  type: 'messenger.sendMessage',
  kind: 'effect',
  effect: 'verify',
  title: 'Messenger: send message',
  description:
    "Answers a customer in Messenger, within 24 hours of the customer's last message. Its output is `{recipientId, messageId}` of the last " +
    'message, with all `messageIds` if there are several. Each message carries its key as `metadata`: after a lost connection its echo is ' +
    'looked for, and without one the message is sent again. Subscribe the page to `message_echoes` for that.',
  configSchema: {
    title: 'Messenger: send message',
    type: 'object',
    properties: {
      channelId: channelField,
      to: toField('The page-scoped id of the customer.'),
      text: textField('2000 characters a message, at most ten messages.', { maxLength: 20_000 }),
      attachment: attachmentField('Messenger'),
      split: splitField,
    },
    required: ['to'],
    anyOf: [{ required: ['text'] }, { required: ['attachment'] }],
    additionalProperties: false,
    examples: [{ to: '{{ trigger.customerId }}', text: 'Thank you, {{ input.name }}!' }],
  },
  handles: () => [DEFAULT_HANDLE],
  async run(input, tools) {
    const { config, now } = input;
    const recipientId = requiredText(config, 'to');
    const messages = messagesIn(config, limit);
    const channel = await channelOf('messenger', input, tools);
    const path = `${accountOf(channel, "page's id")}/messages`;
    await checkReplyWindow(channel, recipientId, now, tools);
    const output = await sendInTurn(messages, tools.idempotencyKey, async (message, idempotencyKey) => {
      await tools.pace(channel, [isAttachment(message) ? mediaCalls : textCalls]);
      const body = { recipient: { id: recipientId }, messaging_type: 'RESPONSE', message: { ...message, metadata: idempotencyKey } };
      const answer = await postToGraph({ path, body, idempotencyKey }, channel, { now, tools });
      const { recipient_id: recipient, message_id: id } = answer.body;
      return { recipientId: typeof recipient === 'string' ? recipient : recipientId, messageId: messageIdIn('Messenger', answer, id) };
    });
    return { kind: 'done', handle: DEFAULT_HANDLE, output };
  },
  proof: {
    addressee: (input) => ({ channelId: channelIdOf(input), customerId: requiredText(input.config, 'to') }),
    find: ({ config }, idempotencyKey, events) =>
      proofInEvents(messagesIn(config, limit).length, events, hasReference(idempotencyKey), { recipientId: requiredText(config, 'to') }),
  },
};
