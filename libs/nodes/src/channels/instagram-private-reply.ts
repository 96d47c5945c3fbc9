import { DEFAULT_HANDLE } from '@sluice/engine';
import { requiredText } from '../config-fields.js';
import type { EffectNodeType, SendBudget } from '../node-type.js';
import { channelField, textField } from './channel-fields.js';
import { channelOf } from './channel-of.js';
import { commentField, commentIdOf } from './instagram-comment.js';
import { instagramCalls, instagramText } from './instagram-send-message.js';
import { postToGraph } from './meta-graph.js';
import { messageIdIn } from './provider-answer.js';
import { textParts } from './several-messages.js';

/** To posts and reels; to live comments Meta allows more. */
const privateReplies: SendBudget = { key: 'account/private-replies', calls: 750, perMs: 3_600_000 };

export const instagramPrivateReply: EffectNodeType = {
  type: 'instagram.privateReply',
  kind: 'effect',
  effect: 'at_least_once',
  title: 'Instagram: private reply',
  description:
    'Answers a comment in a direct message to its author, within 7 days, once for each comment. Its output is `{commentId, recipientId, ' +
    'messageId}`. Meta refuses a second one (`already_replied`): after a lost connection nothing is sent twice.',
  configSchema: {
    title: 'Instagram: private reply',
    type: 'object',
    properties: {
      channelId: channelField,
      commentId: commentField,
      text: textField('At most 1000 bytes in UTF-8; an emoji has four or more.', { bytesMax: instagramText.max, needsValue: true }),
    },
    required: ['text'],
    additionalProperties: false,
    examples: [{ text: 'Thank you for asking! It is 42 EUR.' }],
  },
  handles: () => [DEFAULT_HANDLE],
  async run(input, tools) {
    const { config, now } = input;
    const commentId = commentIdOf(input);
    const [text = ''] = textParts(requiredText(config, 'text'), instagramText, { split: false });
    const channel = await channelOf('instagram', input, tools);
    await tools.pace(channel, [instagramCalls, privateReplies]);
    const body = { recipient: { comment_id: commentId }, message: { text } };
    const call = { path: 'me/messages', body, idempotencyKey: tools.idempotencyKey };
    const answer = await postToGraph(call, channel, { now, tools });
    const { recipient_id: recipientId = null, message_id: id } = answer.body;
    return { kind: 'done', handle: DEFAULT_HANDLE, output: { commentId, recipientId, messageId: messageIdIn('Instagram', answer, id) } };
  },
};
