import { DEFAULT_HANDLE } from '@sluice/engine';
import { requiredText } from '../config-fields.js';
import type { EffectNodeType } from '../node-type.js';
import { channelField, textField } from './channel-fields.js';
import { channelOf } from './channel-of.js';
import { commentField, commentIdOf } from './instagram-comment.js';
import { instagramCalls } from './instagram-send-message.js';
import { postToGraph } from './meta-graph.js';
import { messageIdIn } from './provider-answer.js';

export const instagramReplyToComment: EffectNodeType = {
  type: 'instagram.replyToComment',
  kind: 'effect',
  effect: 'at_least_once',
  title: 'Instagram: reply to comment',
  description:
    'Replies to a comment below it, for everybody to see. Its output is `{commentId, messageId}`, the latter being the id of the reply. ' +
    "Instagram knows no idempotency keys: after a lost connection a reply may be there twice, unless the node's policy says `at_most_once`.",
  configSchema: {
    title: 'Instagram: reply to comment',
    type: 'object',
    properties: { channelId: channelField, commentId: commentField, text: textField('What is replied.', { needsValue: true }) },
    required: ['text'],
    additionalProperties: false,
    examples: [{ text: 'Thank you! We have written to you.' }],
  },
  handles: () => [DEFAULT_HANDLE],
  async run(input, tools) {
    const { config, now } = input;
    const commentId = commentIdOf(input);
    const text = requiredText(config, 'text');
    const channel = await channelOf('instagram', input, tools);
    await tools.pace(channel, [instagramCalls]);
    const call = { path: `${commentId}/replies`, body: { message: text }, idempotencyKey: tools.idempotencyKey };
    const answer = await postToGraph(call, channel, { now, tools });
    return { kind: 'done', handle: DEFAULT_HANDLE, output: { commentId, messageId: messageIdIn('Instagram', answer, answer.body['id']) } };
  },
};
