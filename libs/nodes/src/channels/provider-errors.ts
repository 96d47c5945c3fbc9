import type { JsonObject } from '@sluice/kernel';
import { NodeFailure } from '../node-type.js';

/** What an error of a provider means: its name, what a person is told, and whether another attempt may mend it. */
export interface Trouble {
  readonly code: string;
  readonly says: string;
  readonly retryable: boolean;
  /** Until the next attempt, where the provider names no time */
  readonly pauseMs?: number;
  /** The provider may have done it all the same. */
  readonly outcomeUnknown?: boolean;
}

const final = (code: string, says: string): Trouble => ({ code, says, retryable: false });

/** The channel cannot send any more: whoever sees this code takes it out of use. */
export const credentialsExpired = final('credentials_expired', "The channel's access token is no longer valid: connect the channel again");
export const windowClosed = final(
  'window_closed',
  "More than 24 hours have passed since the customer's last message: no answer is allowed until the customer writes again",
);
export const permissionMissing = final('permission_missing', 'The app or its token may not do this: check its permissions');
export const recipientUnknown = final('recipient_unknown', 'The provider does not know this recipient: check `to`');
export const recipientUnreachable = final('recipient_unreachable', 'This person cannot be reached');
export const blockedByPolicy = final('blocked_by_policy', 'The provider has blocked the account for a breach of its policies');
export const textTooLong = final('text_too_long', 'The text is longer than the provider takes: shorten it');
export const refused = final('provider_refused', 'The provider refused the message');
export const unavailable: Trouble = { code: 'provider_unavailable', says: 'The provider has a temporary problem', retryable: true };
/** Named or not, behind a 5xx it may have been done all the same: only 503 says that it was not begun. */
export const unavailableWith = (status: number): Trouble => ({ ...unavailable, outcomeUnknown: status >= 500 && status !== 503 });
export const rateLimited = (pauseMs: number): Trouble => ({
  code: 'rate_limited',
  says: "The provider's rate limit is reached",
  retryable: true,
  pauseMs,
});

/** By what the provider names its errors with. */
export type ErrorTable = ReadonlyMap<number | string, Trouble>;

export const errorTable = (...rows: readonly (readonly [trouble: Trouble, ...names: (number | string)[]])[]): ErrorTable =>
  new Map(rows.flatMap(([trouble, ...names]) => names.map((name) => [name, trouble] as const)));

/** `details.message`: the provider's own words; of a plain refusal they are all that is known. */
export function failureOf(trouble: Trouble, details: JsonObject, retryAfterMs = trouble.pauseMs): NodeFailure {
  const { code, says, retryable, outcomeUnknown = false } = trouble;
  const { message = '' } = details;
  return new NodeFailure(code, trouble === refused && message !== '' ? `${says}: ${String(message)}` : says, {
    retryable,
    ...(retryable && retryAfterMs !== undefined && { retryAfterMs }),
    ...(outcomeUnknown && { outcomeUnknown }),
    details,
  });
}
