import type { JsonObject } from '@sluice/kernel';

/** Fields that nodes of several channels have. */
export const channelField: JsonObject = {
  title: 'Channel',
  description: "The channel to send by. Without it: the trigger's channel.",
  type: 'string',
  minLength: 1,
};

export const toField = (description: string, ...examples: readonly string[]): JsonObject => ({
  title: 'To',
  description,
  type: 'string',
  minLength: 1,
  examples: ['{{ trigger.customerId }}', ...examples],
});

export const textField = (description: string, more: JsonObject = {}): JsonObject => ({
  title: 'Text',
  description,
  type: 'string',
  minLength: 1,
  examples: ['Thank you! We will be right with you.'],
  ...more,
});

export const splitField: JsonObject = {
  title: 'Split',
  description:
    'What is too long for one message is sent as several, cut between paragraphs, lines, sentences or words. `false`: the node fails with `text_too_long`.',
  type: 'boolean',
  default: true,
};

export const attachmentField = (fetchedBy: string): JsonObject => ({
  title: 'Attachment',
  description: 'Sent as a message of its own, before the text.',
  type: 'object',
  properties: {
    type: { title: 'Type', type: 'string', enum: ['image', 'video', 'audio', 'file'] },
    url: { title: 'URL', description: `Where ${fetchedBy} fetches it from.`, type: 'string', format: 'http-url', minLength: 1 },
  },
  required: ['type', 'url'],
  additionalProperties: false,
});
