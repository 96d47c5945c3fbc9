import { DEFAULT_HANDLE } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import { optionalBoolean, optionalText, requiredText } from '../config-fields.js';
import type { EffectNodeType } from '../node-type.js';
import { channelField, splitField, textField } from './channel-fields.js';
import { channelOf, checkReplyWindow } from './channel-of.js';
import { type TextLimit, textParts } from './several-messages.js';
import { customerIn, sendByWhatsapp, whatsappProof, whatsappTo } from './whatsapp-call.js';

const limit: TextLimit = { provider: 'WhatsApp', max: 4096, unit: 'characters', partsMax: 5 };

export const whatsappSendMessage: EffectNodeType = {
  type: 'whatsapp.sendMessage',
  kind: 'effect',
  effect: 'verify',
  // Parts to one person must be 6 s apart.
  policy: { timeoutMs: 60_000 },
  title: 'WhatsApp: send message',
  description:
    "Sends a text by WhatsApp, within 24 hours of the customer's last message; later only a template may be sent. Its output is " +
    '`{to, messageId}` of the last message, with all `messageIds` if there are several. Each message carries its key: after a lost ' +
    'connection a status with that key is looked for, and without one the message is sent again.',
  configSchema: {
    title: 'WhatsApp: send message',
    type: 'object',
    properties: {
      channelId: channelField,
      to: whatsappTo,
      text: textField('4096 characters a message, at most five messages.', { maxLength: 20_480, needsValue: true }),
      replyTo: { title: 'Reply to', description: 'The id of the message that the first one answers.', type: 'string', minLength: 1 },
      previewUrl: { title: 'Preview', description: 'Shows a preview of the first link.', type: 'boolean', default: false },
      split: splitField,
    },
    required: ['to', 'text'],
    additionalProperties: false,
    examples: [{ to: '{{ trigger.customerId }}', text: 'Thank you, {{ input.name }}!' }],
  },
  handles: () => [DEFAULT_HANDLE],
  async run(input, tools) {
    const { config, now } = input;
    const customerId = customerIn(config);
    const contents = contentsIn(config);
    const channel = await channelOf('whatsapp', input, tools);
    await checkReplyWindow(channel, customerId, now, tools);
    return { kind: 'done', handle: DEFAULT_HANDLE, output: await sendByWhatsapp(contents, customerId, channel, { now, tools }) };
  },
  proof: whatsappProof(({ config }) => contentsIn(config).length),
};

function contentsIn(config: JsonObject): readonly JsonObject[] {
  const replyTo = optionalText(config, 'replyTo');
  const preview = optionalBoolean(config, 'previewUrl') ?? false;
  return textParts(requiredText(config, 'text'), limit, config).map((text, index) => ({
    type: 'text',
    text: { body: text, preview_url: preview },
    ...(index === 0 && replyTo !== undefined && { context: { message_id: replyTo } }),
  }));
}
