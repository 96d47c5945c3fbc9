import { DEFAULT_HANDLE } from '@sluice/engine';
import { configFailure, isList, kindOf, requiredText } from '../config-fields.js';
import type { EffectNodeType } from '../node-type.js';
import { channelField } from './channel-fields.js';
import { channelOf } from './channel-of.js';
import { customerIn, sendByWhatsapp, whatsappProof, whatsappTo } from './whatsapp-call.js';

export const whatsappSendTemplate: EffectNodeType = {
  type: 'whatsapp.sendTemplate',
  kind: 'effect',
  effect: 'verify',
  title: 'WhatsApp: send template',
  description:
    'Sends an approved template by WhatsApp, at any time. Its output is `{to, messageId}`. The message carries its key: after a lost ' +
    'connection a status with that key is looked for, and without one the message is sent again.',
  configSchema: {
    title: 'WhatsApp: send template',
    type: 'object',
    properties: {
      channelId: channelField,
      to: whatsappTo,
      name: {
        title: 'Name',
        description: "The template's name.",
        type: 'string',
        minLength: 1,
        needsValue: true,
        examples: ['order_sent'],
      },
      language: {
        title: 'Language',
        description: 'In which of its languages.',
        type: 'string',
        minLength: 1,
        needsValue: true,
        examples: ['en_US', 'de'],
      },
      components: {
        title: 'Components',
        description: "What stands for the template's parameters, as in WhatsApp's documentation.",
        type: 'array',
        items: { type: 'object' },
        examples: [[{ type: 'body', parameters: [{ type: 'text', text: '{{ input.orderId }}' }] }]],
      },
    },
    required: ['to', 'name', 'language'],
    additionalProperties: false,
    examples: [{ to: '{{ trigger.customerId }}', name: 'order_sent', language: 'en_US' }],
  },
  handles: () => [DEFAULT_HANDLE],
  async run(input, tools) {
    const { config, now } = input;
    const customerId = customerIn(config);
    const components = config['components'] ?? undefined;
    if (components !== undefined && !isList(components)) throw configFailure('components', `must be a list, not ${kindOf(components)}`);
    const name = requiredText(config, 'name');
    const language = { code: requiredText(config, 'language') };
    const channel = await channelOf('whatsapp', input, tools);
    const content = { type: 'template', template: { name, language, ...(components !== undefined && { components }) } };
    return { kind: 'done', handle: DEFAULT_HANDLE, output: await sendByWhatsapp([content], customerId, channel, { now, tools }) };
  },
  proof: whatsappProof(() => 1),
};
