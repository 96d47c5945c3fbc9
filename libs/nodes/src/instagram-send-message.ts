import { DEFAULT_HANDLE } from '@sluice/engine';
import { isJsonObject, type Json, type JsonObject } from '@sluice/kernel';
import { configFailure, optionalObject, optionalText, requiredText } from './config-fields.js';
import { graphFailure } from './meta-graph-errors.js';
import { type EffectNodeType, type EffectTools, NodeFailure, type OutboundResponse } from './node-type.js';
import { bodyText } from './response-body.js';

const GRAPH_VERSION = 'v23.0';
const TEXT_BYTES_MAX = 1000;

export const instagramSendMessage: EffectNodeType = {
  type: 'instagram.sendMessage',
  kind: 'effect',
  effect: 'at_least_once',
  title: 'Instagram: send message',
  description:
    "Answers a customer in Instagram's direct messages, within 24 hours of the customer's last message. Its output is " +
    '`{recipientId, messageId}`, of the text if there is an attachment too. Instagram knows no idempotency keys: after a lost ' +
    "connection a message may be sent twice, unless the node's policy says `at_most_once`.",
  configSchema: {
    title: 'Instagram: send message',
    type: 'object',
    properties: {
      channelId: {
        title: 'Channel',
        description: "The channel to send by. Without it: the trigger's channel.",
        type: 'string',
        minLength: 1,
      },
      to: {
        title: 'To',
        description: 'The Instagram-scoped id of the customer.',
        type: 'string',
        minLength: 1,
        examples: ['{{ trigger.customerId }}'],
      },
      text: {
        title: 'Text',
        description: `At most ${TEXT_BYTES_MAX} bytes in UTF-8; an emoji has four or more.`,
        type: 'string',
        minLength: 1,
        bytesMax: TEXT_BYTES_MAX,
        examples: ['Thank you! We will be right with you.'],
      },
      attachment: {
        title: 'Attachment',
        description: 'Sent as a message of its own, before the text.',
        type: 'object',
        properties: {
          type: { title: 'Type', type: 'string', enum: ['image', 'video', 'audio', 'file'] },
          url: { title: 'URL', description: 'Where Instagram fetches it from.', type: 'string', format: 'http-url', minLength: 1 },
        },
        required: ['type', 'url'],
        additionalProperties: false,
      },
    },
    required: ['to'],
    anyOf: [{ required: ['text'] }, { required: ['attachment'] }],
    additionalProperties: false,
    examples: [{ to: '{{ trigger.customerId }}', text: 'Thank you, {{ input.name }}!' }],
  },
  handles: () => [DEFAULT_HANDLE],
  async run({ config, trigger, now }, tools) {
    const recipientId = requiredText(config, 'to');
    const [first, second] = messagesOf(config);
    const channel = await channelOf(config, trigger, tools);
    const send = async (message: JsonObject, idempotencyKey: string): Promise<Json> => {
      const response = await tools.send({
        method: 'POST',
        url: `${tools.providerApi('instagram')}/${GRAPH_VERSION}/me/messages`,
        headers: {
          authorization: `Bearer ${channel.accessToken}`,
          'content-type': 'application/json',
          'idempotency-key': idempotencyKey,
        },
        body: JSON.stringify({ recipient: { id: recipientId }, message }),
      });
      return sent(response, now, recipientId);
    };

    const output = await send(first, tools.idempotencyKey);
    if (!second) return { kind: 'done', handle: DEFAULT_HANDLE, output };
    return { kind: 'done', handle: DEFAULT_HANDLE, output: await send(second, `${tools.idempotencyKey}-2`).catch(partlySent(output)) };
  },
};

function messagesOf(config: JsonObject): [JsonObject, JsonObject?] {
  const text = optionalText(config, 'text');
  const bytes = Buffer.byteLength(text ?? '');
  if (bytes > TEXT_BYTES_MAX) {
    const message = `The text has ${bytes} bytes in UTF-8, Instagram takes at most ${TEXT_BYTES_MAX}: shorten it or use several nodes`;
    throw new NodeFailure('text_too_long', message, { retryable: false });
  }
  const words = text === undefined ? undefined : { text };
  if (config['attachment'] === undefined || config['attachment'] === null) {
    if (!words) throw configFailure('text', 'has no value: its expression found nothing');
    return [words];
  }
  const attachment = optionalObject(config, 'attachment');
  const picture = { attachment: { type: requiredText(attachment, 'type'), payload: { url: requiredText(attachment, 'url') } } };
  return [picture, words];
}

async function channelOf(config: JsonObject, trigger: Json, tools: EffectTools) {
  const ofTrigger = isJsonObject(trigger) ? optionalText(trigger, 'channelId') : undefined;
  const channelId = optionalText(config, 'channelId') ?? ofTrigger;
  if (channelId === undefined) throw configFailure('channelId', 'is needed: the run was not started by a channel');
  const channel = await tools.channel(channelId);
  if (channel.provider === 'instagram') return channel;
  throw new NodeFailure('wrong_channel', `The channel belongs to ${channel.provider}; this node needs an Instagram channel`, {
    retryable: false,
  });
}

function sent(response: OutboundResponse, now: Date, recipientId: string): Json {
  const body = parsed(response);
  if (response.status >= 400 || 'error' in body) throw graphFailure(response, body, now);
  const messageId = body['message_id'];
  if (typeof messageId !== 'string') {
    const details = { status: response.status };
    throw new NodeFailure('invalid_response', 'Instagram accepted the message without naming it', {
      retryable: false,
      outcomeUnknown: true,
      details,
    });
  }
  return { recipientId: typeof body['recipient_id'] === 'string' ? body['recipient_id'] : recipientId, messageId };
}

/** The attachment has gone out: trying again would send it twice, so this node is over. */
const partlySent = (output: Json) => (error: unknown) => {
  const reason =
    error instanceof NodeFailure ? { code: error.code, message: error.message } : { code: 'internal', message: 'internal error' };
  throw new NodeFailure('partly_sent', `The attachment was sent, the text was not: ${reason.message}`, {
    retryable: false,
    outcomeUnknown: error instanceof NodeFailure && error.options.outcomeUnknown === true,
    details: { attachment: output, reason },
  });
};

function parsed(response: OutboundResponse): JsonObject {
  try {
    const body: unknown = JSON.parse(bodyText(response));
    return isJsonObject(body) ? body : {};
  } catch {
    return {};
  }
}
