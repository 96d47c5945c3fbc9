import { isJsonObject, type Json, type JsonObject } from '@sluice/kernel';
import { NodeFailure, type OutboundResponse } from './node-type.js';
import { bodyText, excerpt } from './response-body.js';
import { parseRetryAfter } from './retry-after.js';

const RATE_LIMIT_PAUSE_MS = 120_000;
const PAUSE_MS_MAX = 24 * 60 * 60 * 1000;

const transient = new Set([1, 2]);
const rateLimits = new Set([4, 17, 32, 341, 613, 80002, 80006]);
const deadTokens = new Set([102, 190]);
const unreachablePersons = new Set([551, 1545041]);
const outsideWindow = new Set([2534022, 2018278]);

/**
 * What an error of Meta's Graph API means for the next attempt. Codes and subcodes decide, never the text. An error that Meta
 * names is a message that was not sent; a bare 5xx says nothing about that.
 */
export function graphFailure(response: OutboundResponse, body: JsonObject, now: Date): NodeFailure {
  const { status } = response;
  const error = isJsonObject(body['error']) ? body['error'] : undefined;
  if (!error) {
    return new NodeFailure('http_status', `Meta answered ${status}`, {
      retryable: status >= 500 || status === 429,
      retryAfterMs: parseRetryAfter(response.headers['retry-after'], now),
      outcomeUnknown: status >= 500 && status !== 503,
      details: { status, body: excerpt(bodyText(response)) },
    });
  }

  const code = numberOf(error['code']);
  const subcode = numberOf(error['error_subcode']);
  const message = excerpt(String(error['message'] ?? ''));
  const details = {
    status,
    code: error['code'] ?? null,
    subcode: error['error_subcode'] ?? null,
    message,
    trace: error['fbtrace_id'] ?? null,
  };
  const final = (name: string, sentence: string) => new NodeFailure(name, sentence, { retryable: false, details });

  if (deadTokens.has(code)) return final('credentials_expired', "The channel's access token is no longer valid: connect the channel again");
  if (rateLimits.has(code)) {
    const retryAfterMs = regainAccessMs(response) ?? parseRetryAfter(response.headers['retry-after'], now) ?? RATE_LIMIT_PAUSE_MS;
    return new NodeFailure('rate_limited', "Meta's rate limit is reached", { retryable: true, retryAfterMs, details });
  }
  if (code === 10 && outsideWindow.has(subcode)) {
    return final(
      'window_closed',
      "More than 24 hours have passed since the customer's last message: Meta allows no answer until the customer writes again",
    );
  }
  if (code === 10 || (code >= 200 && code <= 299))
    return final('permission_missing', 'The app or its token may not do this: check its permissions');
  if (unreachablePersons.has(code)) return final('recipient_unreachable', 'This person cannot be reached');
  if (code === 368) return final('blocked_by_policy', 'Meta has blocked the account for a breach of its policies');
  if (transient.has(code) || error['is_transient'] === true || status >= 500) {
    return new NodeFailure('provider_unavailable', 'Meta has a temporary problem', { retryable: true, details });
  }
  return final('provider_refused', `Meta refused the message: ${message}`);
}

const numberOf = (value: Json | undefined): number => (typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN);

/** The usage headers name minutes, deep inside JSON that is laid out differently in each of them. */
function regainAccessMs({ headers }: OutboundResponse): number | undefined {
  const minutes = ['x-business-use-case-usage', 'x-app-usage'].flatMap((name) => {
    try {
      return estimates(JSON.parse(headers[name] ?? 'null'));
    } catch {
      return [];
    }
  });
  const longest = Math.max(0, ...minutes);
  return longest > 0 ? Math.min(longest * 60_000, PAUSE_MS_MAX) : undefined;
}

function estimates(value: unknown): number[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) =>
    name === 'estimated_time_to_regain_access' && typeof part === 'number' ? [part] : estimates(part),
  );
}
