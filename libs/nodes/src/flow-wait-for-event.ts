import { DEFAULT_HANDLE, TIMEOUT_HANDLE } from '@sluice/engine';
import { isJsonObject, type JsonObject } from '@sluice/kernel';
import { configFailure, isList, kindOf, optionalBoolean, optionalText } from './config-fields.js';
import { hasPassed, notBothTimeouts, timeoutFields, timeoutOf } from './deadline-fields.js';
import type { NodeInput, PureNodeType } from './node-type.js';

/** `condition` is evaluated by whoever brings the event, as often as one comes. */
export const flowWaitForEvent: PureNodeType = {
  type: 'flow.waitForEvent',
  kind: 'pure',
  title: 'Wait for an event',
  description:
    "Waits for the customer's next event, such as the answer to a question. Goes on by `out` with the first event that fits, its output, or " +
    'by `timeout` with its input. Waiting costs nothing and outlives restarts.',
  configSchema: {
    title: 'Wait for an event',
    type: 'object',
    properties: {
      channelId: {
        title: 'Channel',
        description: "The channel by which the event comes. Without it, or if it finds nothing: the trigger's channel.",
        type: 'string',
        minLength: 1,
      },
      customerId: {
        title: 'Customer',
        description: "The customer whom the event is from. Without it, or if it finds nothing: the trigger's customer.",
        type: 'string',
        minLength: 1,
        examples: ['{{ input.customerId }}'],
      },
      kinds: {
        title: 'Kinds',
        description: 'Kinds of events that fit. None: any.',
        type: 'array',
        maxItems: 50,
        items: { type: 'string', minLength: 1, maxLength: 64 },
        examples: [['message', 'story_reply']],
      },
      condition: {
        title: 'Condition',
        description:
          'An event fits only if this expression is true. It sees `event`, and all else as it is where the node stands and when it begins to ' +
          'wait. ' +
          'An event that does not fit goes its usual way.',
        type: 'string',
        format: 'expression',
        deferred: true,
        locals: ['event'],
        minLength: 1,
        examples: ["$contains($lowercase(event.text), 'yes')", 'event.payload.orderId = input.orderId'],
      },
      exclusive: {
        title: 'Only for this run',
        description:
          'The event that fits starts no new run of this workflow: it answers the one that waits, and a second one would begin the ' +
          'conversation anew. Other workflows get it all the same.',
        type: 'boolean',
        default: true,
      },
      ...timeoutFields,
    },
    ...notBothTimeouts,
    additionalProperties: false,
    examples: [{ kinds: ['message'], timeoutMs: 3_600_000 }, { condition: "$contains($lowercase(event.text), 'yes')" }],
  },
  handles: () => [DEFAULT_HANDLE, TIMEOUT_HANDLE],
  run(node) {
    const { config, input } = node;
    const channelId = ofTrigger(node, 'channelId', 'the run was not started by a channel');
    const customerId = ofTrigger(node, 'customerId', 'the run was not started by a customer');
    const until = timeoutOf(node);
    if (hasPassed(until, node)) return { kind: 'done', handle: TIMEOUT_HANDLE, output: input };
    return {
      kind: 'awaitEvent',
      channelId,
      customerId,
      kinds: kindsOf(config),
      exclusive: optionalBoolean(config, 'exclusive') ?? true,
      until,
    };
  },
};

function ofTrigger({ config, trigger }: NodeInput, field: string, why: string): string {
  const id = optionalText(config, field) ?? (isJsonObject(trigger) ? optionalText(trigger, field) : undefined);
  if (id === undefined) throw configFailure(field, `is needed: ${why}`);
  return id;
}

function kindsOf(config: JsonObject): string[] {
  const kinds = config['kinds'] ?? [];
  if (!isList(kinds)) throw configFailure('kinds', `must be a list, not ${kindOf(kinds)}`);
  return kinds.map((kind, index) => {
    if (typeof kind !== 'string' || kind === '')
      throw configFailure(`kinds[${index}]`, `must be a text, not ${kind === '' ? 'an empty one' : kindOf(kind)}`);
    return kind;
  });
}
