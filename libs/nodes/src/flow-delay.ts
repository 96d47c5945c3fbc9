import { DEFAULT_HANDLE } from '@sluice/engine';
import { endOf, hasPassed, millisecondsField, untilField } from './deadline-fields.js';
import type { PureNodeType } from './node-type.js';

export const flowDelay: PureNodeType = {
  type: 'flow.delay',
  kind: 'pure',
  title: 'Delay',
  description: 'Waits for a time, or until one. Waiting costs nothing and outlives restarts. Its output is its input.',
  configSchema: {
    title: 'Delay',
    type: 'object',
    properties: {
      ms: millisecondsField('Milliseconds', 'How long to wait.'),
      until: untilField('ISO 8601 with a time zone, at most 366 days ahead. A time that has passed is not waited for.'),
    },
    oneOf: [{ required: ['ms'] }, { required: ['until'] }],
    additionalProperties: false,
    examples: [{ ms: 60_000 }, { until: '{{ input.appointment.startsAt }}' }],
  },
  handles: () => [DEFAULT_HANDLE],
  run(node) {
    const until = endOf(node, 'ms');
    if (hasPassed(until, node)) return { kind: 'done', handle: DEFAULT_HANDLE, output: node.input };
    return { kind: 'wait', until };
  },
};
