import type { NodeFailure } from '../node-type.js';
import { excerpt } from '../response-body.js';
import { bareFailure, type ProviderAnswer } from './provider-answer.js';
import {
  blockedByPolicy,
  credentialsExpired,
  errorTable,
  failureOf,
  permissionMissing,
  rateLimited,
  recipientUnknown,
  recipientUnreachable,
  refused,
  type Trouble,
  unavailable,
  unavailableWith,
} from './provider-errors.js';

/** Who may be called by name in a message: persons, but not everybody at once, whatever a customer wrote. */
export const allowedMentions = { parse: ['users'] };

export const interactionOver: Trouble = {
  code: 'window_closed',
  says: 'An interaction can be answered for 15 minutes: write to its channel instead',
  retryable: false,
};

export const tokenIsGone: Trouble = {
  code: 'window_closed',
  says: 'The interaction has no token that can be read: it was made up, or sealed with a key that ENCRYPTION_KEYS has no longer',
  retryable: false,
};

const discordErrors = errorTable(
  [rateLimited(10_000), 20016, 20028],
  [permissionMissing, 50001, 50013],
  [recipientUnknown, 10003],
  [recipientUnreachable, 50007],
  [interactionOver, 10015, 10062, 50027],
  [blockedByPolicy, 20009, 240000],
  [unavailable, 130000],
);
const byStatus = errorTable([credentialsExpired, 401], [permissionMissing, 403], [rateLimited(10_000), 429]);

/** The code in the body decides, else the status. Limits name their seconds in the body. */
export function discordFailure(answer: ProviderAnswer): NodeFailure {
  const { status, body, retryAfterMs } = answer;
  const { code, message, retry_after: seconds } = body;
  if (typeof message !== 'string') return bareFailure('Discord', answer);
  const named = typeof code === 'number' ? discordErrors.get(code) : undefined;
  const trouble = named ?? byStatus.get(status) ?? (status >= 500 ? unavailableWith(status) : refused);
  const details = { status, code: code ?? null, message: excerpt(message), errors: body['errors'] ?? null };
  const waitMs = typeof seconds === 'number' ? Math.ceil(seconds * 1000) : retryAfterMs;
  return failureOf(trouble, details, trouble.code === 'rate_limited' ? waitMs : undefined);
}
