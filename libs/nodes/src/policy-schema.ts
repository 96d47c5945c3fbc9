import type { JsonObject } from '@sluice/kernel';

const milliseconds = (minimum: number, maximum: number) => ({ type: 'integer', literal: true, minimum, maximum });
const DAY_MS = 24 * 60 * 60 * 1000;

/** A node's policy as its author may write it. */
export const policySchema: JsonObject = {
  type: 'object',
  properties: {
    timeoutMs: milliseconds(1, 15 * 60 * 1000),
    retry: {
      type: 'object',
      properties: {
        maxAttempts: { type: 'integer', literal: true, minimum: 1, maximum: 20 },
        backoff: { type: 'string', literal: true, enum: ['exponential', 'fixed'] },
        delayMs: milliseconds(0, DAY_MS),
        maxDelayMs: milliseconds(0, DAY_MS),
        jitter: { type: 'boolean', literal: true },
      },
      additionalProperties: false,
    },
    onError: { type: 'string', literal: true, enum: ['fail', 'continue', 'branch'] },
    effect: { type: 'string', literal: true, enum: ['idempotent', 'at_least_once', 'at_most_once', 'verify'] },
  },
  additionalProperties: false,
};
