import { DEFAULT_HANDLE } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import { requiredText } from '../config-fields.js';
import type { EffectNodeType, OutgoingEvent, SendBudget } from '../node-type.js';
import { attachmentField, channelField, splitField, textField, toField } from './channel-fields.js';
import { channelIdOf, channelOf, checkReplyWindow } from './channel-of.js';
import { postToGraph } from './meta-graph.js';
import { isAttachment, messagesIn } from './meta-message.js';
import { messageIdIn } from './provider-answer.js';
import { proofInEvents, sendInTurn, type TextLimit } from './several-messages.js';

export const instagramText: TextLimit = { provider: 'Instagram', max: 1000, unit: 'bytes', partsMax: 10 };

/** The lower ones where Meta's pages differ */
export const instagramCalls: SendBudget = { key: 'account', calls: 100, perMs: 1_000 };
const mediaCalls: SendBudget = { key: 'account/media', calls: 10, perMs: 1_000 };

export const instagramSendMessage: EffectNodeType = {
  type: 'instagram.sendMessage',
  kind: 'effect',
  effect: 'verify',
  title: 'Instagram: send message',
  description:
    "Answers a customer in Instagram's direct messages, within 24 hours of the customer's last message. Its output is " +
    '`{recipientId, messageId}` of the last message, with all `messageIds` if there are several. Instagram knows no idempotency keys: ' +
    'after a lost connection the echo of the same text is looked for, and without one the message is sent again.',
  configSchema: {
    title: 'Instagram: send message',
    type: 'object',
    properties: {
      channelId: channelField,
      to: toField('The Instagram-scoped id of the customer.'),
      text: textField('1000 bytes in UTF-8 a message, of which an emoji has four or more; at most ten messages.', { bytesMax: 10_000 }),
      attachment: attachmentField('Instagram'),
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
    const messages = messagesIn(config, instagramText);
    const channel = await channelOf('instagram', input, tools);
    await checkReplyWindow(channel, recipientId, now, tools);
    const output = await sendInTurn(messages, tools.idempotencyKey, async (message, idempotencyKey) => {
      await tools.pace(channel, [isAttachment(message) ? mediaCalls : instagramCalls]);
      const body = { recipient: { id: recipientId }, message };
      const answer = await postToGraph({ path: 'me/messages', body, idempotencyKey }, channel, { now, tools });
      const { recipient_id: recipient, message_id: id } = answer.body;
      return {
        recipientId: typeof recipient === 'string' ? recipient : recipientId,
        messageId: messageIdIn('Instagram', answer, id),
      };
    });
    return { kind: 'done', handle: DEFAULT_HANDLE, output };
  },
  proof: {
    addressee: (input) => ({ channelId: channelIdOf(input), customerId: requiredText(input.config, 'to') }),
    find: ({ config }, _key, events) => {
      const messages = messagesIn(config, instagramText);
      const output = { recipientId: requiredText(config, 'to') };
      return proofInEvents(messages.length, events, (event, index) => isEchoOf(messages[index], event), output);
    },
  },
};

/** An echo has no reference of ours: that somebody else wrote the same words to the same person just then is what remains. */
function isEchoOf(message: JsonObject | undefined, { kind, text }: OutgoingEvent): boolean {
  const words = message?.['text'];
  return kind === 'echo' && typeof words === 'string' && text?.trim() === words.trim();
}
