import { DEFAULT_HANDLE } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import { configFailure, optionalChoice, optionalText } from '../config-fields.js';
import type { EffectNodeType } from '../node-type.js';
import { channelField } from './channel-fields.js';
import { channelOf, checkReplyWindow } from './channel-of.js';
import { textParts } from './several-messages.js';
import { customerIn, sendByWhatsapp, whatsappProof, whatsappTo } from './whatsapp-call.js';

const TYPES = ['image', 'video', 'audio', 'document', 'sticker'] as const;
const CAPTION_MAX = 1024;

export const whatsappSendMedia: EffectNodeType = {
  type: 'whatsapp.sendMedia',
  kind: 'effect',
  effect: 'verify',
  title: 'WhatsApp: send media',
  description:
    "Sends a picture, video, sound, document or sticker by WhatsApp, within 24 hours of the customer's last message. Its output is " +
    '`{to, messageId}`. The message carries its key: after a lost connection a status with that key is looked for, and without one the ' +
    'message is sent again.',
  configSchema: {
    title: 'WhatsApp: send media',
    type: 'object',
    properties: {
      channelId: channelField,
      to: whatsappTo,
      type: { title: 'Type', type: 'string', enum: [...TYPES] },
      link: { title: 'Link', description: 'Where WhatsApp fetches it from.', type: 'string', format: 'http-url', minLength: 1 },
      id: { title: 'Id', description: 'What WhatsApp has already, by the id of its upload.', type: 'string', minLength: 1 },
      caption: { title: 'Caption', description: 'Below an image, video or document.', type: 'string', maxLength: CAPTION_MAX },
      filename: { title: 'File name', description: 'Of a document.', type: 'string', examples: ['invoice.pdf'] },
    },
    required: ['to', 'type'],
    oneOf: [{ required: ['link'] }, { required: ['id'] }],
    additionalProperties: false,
    examples: [{ to: '{{ trigger.customerId }}', type: 'document', link: 'https://shop.example.com/invoice.pdf', filename: 'invoice.pdf' }],
  },
  handles: () => [DEFAULT_HANDLE],
  async run(input, tools) {
    const { config, now } = input;
    const customerId = customerIn(config);
    const content = contentIn(config);
    const channel = await channelOf('whatsapp', input, tools);
    await checkReplyWindow(channel, customerId, now, tools);
    return { kind: 'done', handle: DEFAULT_HANDLE, output: await sendByWhatsapp([content], customerId, channel, { now, tools }) };
  },
  proof: whatsappProof(() => 1),
};

function contentIn(config: JsonObject): JsonObject {
  const type = optionalChoice(config, 'type', TYPES);
  if (type === undefined) throw configFailure('type', 'has no value: its expression found nothing');
  const link = optionalText(config, 'link');
  const id = optionalText(config, 'id');
  if (link === undefined && id === undefined) throw configFailure('link', 'has no value: its expression found nothing');
  const caption = optionalText(config, 'caption');
  if (caption !== undefined)
    textParts(caption, { provider: 'WhatsApp', max: CAPTION_MAX, unit: 'characters', partsMax: 1 }, { split: false });
  const filename = optionalText(config, 'filename');
  const media = {
    ...(link === undefined ? { id: id ?? '' } : { link }),
    ...(caption !== undefined && type !== 'audio' && type !== 'sticker' && { caption }),
    ...(filename !== undefined && type === 'document' && { filename }),
  };
  return { type, [type]: media };
}
