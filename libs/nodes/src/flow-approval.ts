import { TIMEOUT_HANDLE } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import { configFailure, optionalText, requiredText } from './config-fields.js';
import { hasPassed, notBothTimeouts, timeoutFields, timeoutOf } from './deadline-fields.js';
import type { PureNodeType } from './node-type.js';

const TITLE_LENGTH_MAX = 200;
const MESSAGE_LENGTH_MAX = 5_000;

export const flowApproval: PureNodeType = {
  type: 'flow.approval',
  kind: 'pure',
  title: 'Approval',
  description:
    'Waits for a person to decide. The link by which they do is `{{ approvals.<node id>.url }}` in any expression of the workflow: ' +
    'whoever has it may decide, once, without signing in, so send it to the right person in a node before this one. Goes on by ' +
    '`approved` or `rejected` with `{decision, comment, by, decidedAt}`, or by `timeout` with its input.',
  configSchema: {
    title: 'Approval',
    type: 'object',
    properties: {
      title: {
        title: 'Title',
        description: 'What is to be decided, in a few words.',
        type: 'string',
        minLength: 1,
        maxLength: TITLE_LENGTH_MAX,
        examples: ['Refund {{ input.amount }} EUR to {{ input.name }}?'],
      },
      message: {
        title: 'Message',
        description: 'What the person should know to decide.',
        type: 'string',
        maxLength: MESSAGE_LENGTH_MAX,
        examples: ['Order {{ input.orderId }}: {{ input.reason }}'],
      },
      ...timeoutFields,
    },
    required: ['title'],
    ...notBothTimeouts,
    additionalProperties: false,
    examples: [{ title: 'Refund {{ input.amount }} EUR?', message: '{{ input.reason }}', timeoutMs: 86_400_000 }],
  },
  handles: () => ['approved', 'rejected', TIMEOUT_HANDLE],
  run(node) {
    const { config, input } = node;
    const title = shortEnough('title', requiredText(config, 'title'), TITLE_LENGTH_MAX);
    const message = messageOf(config);
    const until = timeoutOf(node);
    if (hasPassed(until, node)) return { kind: 'done', handle: TIMEOUT_HANDLE, output: input };
    return { kind: 'awaitApproval', title, ...(message === undefined ? {} : { message }), until };
  },
};

function messageOf(config: JsonObject): string | undefined {
  const message = optionalText(config, 'message');
  return message === undefined ? undefined : shortEnough('message', message, MESSAGE_LENGTH_MAX);
}

function shortEnough(field: string, text: string, max: number): string {
  if (text.length > max) throw configFailure(field, `has ${text.length} characters: at most ${max} are shown`);
  return text;
}
