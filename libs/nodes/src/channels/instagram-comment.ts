import type { JsonObject } from '@sluice/kernel';
import { configFailure, optionalText } from '../config-fields.js';
import type { NodeInput } from '../node-type.js';
import { ofTrigger, pathPart } from './channel-of.js';

export const commentField: JsonObject = {
  title: 'Comment',
  description: 'The id of the comment. Without it: the comment that started the run.',
  type: 'string',
  minLength: 1,
  examples: ['17858893269123456'],
};

/** The event of a comment has its id at the end of its key. */
export function commentIdOf({ config, trigger }: Pick<NodeInput, 'config' | 'trigger'>): string {
  const [, ofEvent] = /:(?:live_)?comment:([^:]+)$/.exec(ofTrigger(trigger, 'dedupeKey') ?? '') ?? [];
  const commentId = optionalText(config, 'commentId') ?? ofEvent;
  if (commentId === undefined) throw configFailure('commentId', 'is needed: the run was not started by a comment');
  return pathPart('commentId', commentId);
}
