import type { JsonObject } from '@sluice/kernel';
import { configFailure, optionalChoice, requiredText } from './config-fields.js';
import type { StateAddress } from './node-type.js';

const SCOPES = ['tenant', 'workflow', 'customer'] as const;
const KEY_LENGTH_MAX = 200;

/** The fields by which `state.get` and `state.set` find a value. */
export const stateAddressFields = {
  scope: {
    title: 'Scope',
    description:
      'Who shares the value. `tenant`: all workflows. `workflow`: the runs of this workflow, of whatever version. `customer`: all ' +
      'workflows, for the customer that the run is about.',
    type: 'string',
    literal: true,
    enum: SCOPES,
    examples: ['customer'],
  },
  key: {
    title: 'Key',
    description: `The name of the value: 1 to ${KEY_LENGTH_MAX} characters, no control characters. Templates are filled in.`,
    type: 'string',
    minLength: 1,
    maxLength: KEY_LENGTH_MAX,
    pattern: '^[^\\u0000-\\u001f\\u007f]*$',
    examples: ['last-order', 'order/{{ input.orderId }}'],
  },
} as const;

/** Throws NodeFailure for a key that a template made too long, or of characters that no store keeps. */
export function stateAddressOf(config: JsonObject): StateAddress {
  const scope = optionalChoice(config, 'scope', SCOPES);
  if (scope === undefined) throw configFailure('scope', `must be one of ${SCOPES.join(', ')}`);
  const key = requiredText(config, 'key');
  if ([...key].length > KEY_LENGTH_MAX) throw configFailure('key', `has more than ${KEY_LENGTH_MAX} characters: shorten it`);
  if (/\p{Cc}/u.test(key) || !key.isWellFormed()) throw configFailure('key', 'has characters that are not allowed in it');
  return { scope, key };
}
