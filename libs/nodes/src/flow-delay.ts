import { DEFAULT_HANDLE } from '@sluice/engine';
import { configFailure, requiredText } from './config-fields.js';
import type { NodeInput, PureNodeType } from './node-type.js';
import { parseInstant } from './instant.js';

const MS_MAX = 366 * 24 * 60 * 60 * 1000;

export const flowDelay: PureNodeType = {
  type: 'flow.delay',
  kind: 'pure',
  title: 'Delay',
  description: 'Waits for a time, or until one. Waiting costs nothing and outlives restarts. Its output is its input.',
  configSchema: {
    title: 'Delay',
    type: 'object',
    properties: {
      ms: { title: 'Milliseconds', description: 'How long to wait.', type: 'integer', minimum: 0, maximum: MS_MAX, examples: [60_000] },
      until: {
        title: 'Until',
        description: 'ISO 8601 with a time zone. A time that has passed is not waited for.',
        type: 'string',
        format: 'instant',
        examples: ['2026-12-24T18:00:00+01:00', '{{ input.appointment.startsAt }}'],
      },
    },
    oneOf: [{ required: ['ms'] }, { required: ['until'] }],
    additionalProperties: false,
    examples: [{ ms: 60_000 }, { until: '{{ input.appointment.startsAt }}' }],
  },
  handles: () => [DEFAULT_HANDLE],
  run(node) {
    const until = endOf(node);
    if (until.getTime() <= node.now.getTime()) return { kind: 'done', handle: DEFAULT_HANDLE, output: node.input };
    if (until.getTime() - node.now.getTime() > MS_MAX) throw configFailure('until', 'is more than a year ahead');
    return { kind: 'wait', until };
  },
};

function endOf({ config, now }: NodeInput): Date {
  if (config['until'] !== undefined) {
    const text = requiredText(config, 'until');
    const until = parseInstant(text);
    if (!until) throw configFailure('until', `is not a time in ISO 8601 with a time zone: "${text.slice(0, 100)}"`);
    return until;
  }
  const ms = Number(requiredText(config, 'ms'));
  if (!(ms >= 0 && ms <= MS_MAX)) throw configFailure('ms', `must be a number of milliseconds from 0 to ${MS_MAX}`);
  return new Date(now.getTime() + Math.round(ms));
}
