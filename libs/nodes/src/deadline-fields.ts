import type { JsonObject } from '@sluice/kernel';
import { configFailure, optionalText, requiredText } from './config-fields.js';
import { parseInstant } from './instant.js';
import type { NodeInput } from './node-type.js';

/** Nothing waits longer than a year. */
export const WAIT_MS_MAX = 366 * 24 * 60 * 60 * 1000;

export const millisecondsField = (title: string, description: string): JsonObject => ({
  title,
  description,
  type: 'integer',
  minimum: 0,
  maximum: WAIT_MS_MAX,
  examples: [60_000],
});

export const untilField = (description: string): JsonObject => ({
  title: 'Until',
  description,
  type: 'string',
  format: 'instant',
  examples: ['2026-12-24T18:00:00+01:00', '{{ input.appointment.startsAt }}'],
});

/** The fields by which a node that waits for somebody gives up. */
export const timeoutFields: JsonObject = {
  timeoutMs: millisecondsField(
    'Timeout',
    'Milliseconds to wait before it goes on by `timeout`. Without it and `until`, or if it finds nothing: 366 days.',
  ),
  until: untilField(
    'When it goes on by `timeout`: ISO 8601 with a time zone, at most 366 days ahead. A time that has passed is not waited for.',
  ),
};

/** Not both: which of them would count? */
export const notBothTimeouts: JsonObject = { not: { required: ['timeoutMs', 'until'] } };

/** When a wait ends that must say when: by `until` or by a number of milliseconds. */
export function endOf(node: NodeInput, milliseconds: string): Date {
  const { config } = node;
  return checkedEnd(node, config['until'] === undefined ? after(node, milliseconds) : instant(config));
}

/** When a wait for somebody is given up. An expression that found nothing is as good as none. */
export function timeoutOf(node: NodeInput): Date {
  const { config, now } = node;
  if (optionalText(config, 'until') !== undefined) return checkedEnd(node, instant(config));
  return optionalText(config, 'timeoutMs') === undefined ? new Date(now.getTime() + WAIT_MS_MAX) : after(node, 'timeoutMs');
}

export const hasPassed = (end: Date, { now }: NodeInput): boolean => end.getTime() <= now.getTime();

function checkedEnd({ now }: NodeInput, end: Date): Date {
  if (end.getTime() - now.getTime() > WAIT_MS_MAX) throw configFailure('until', 'is more than a year ahead');
  return end;
}

function instant(config: JsonObject): Date {
  const text = requiredText(config, 'until');
  const until = parseInstant(text);
  if (!until) throw configFailure('until', `is not a time in ISO 8601 with a time zone: "${text.slice(0, 100)}"`);
  return until;
}

function after({ config, now }: NodeInput, field: string): Date {
  const ms = Number(requiredText(config, field));
  if (!(ms >= 0 && ms <= WAIT_MS_MAX)) throw configFailure(field, `must be a number of milliseconds from 0 to ${WAIT_MS_MAX}`);
  return new Date(now.getTime() + Math.round(ms));
}
