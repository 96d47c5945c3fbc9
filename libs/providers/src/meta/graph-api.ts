import type { Json } from '@sluice/kernel';
import { idOf, listOf, objectOf, textOf } from '../json-values.js';
import { type ApiAnswer, type ApiQuestion, type ApiRefusal, bearer, found, refusal, type Subscription } from '../provider-api.js';

const graphVersion = 'v23.0';
export const graphUrl = 'https://graph.facebook.com';

/** 190: invalid, expired or revoked; 102: the session has ended. */
const deadTokens: ReadonlySet<string | undefined> = new Set(['102', '190']);

/** Codes decide, never the text. */
export function graphRefusal({ status, body }: ApiAnswer): ApiRefusal | undefined {
  const error = objectOf(objectOf(body)?.error);
  if (error === undefined) return status < 400 ? undefined : refusal(`http_${status}`, `Meta answered ${status}.`);
  const code = idOf(error.code);
  const subcode = idOf(error.error_subcode);
  const message = textOf(error.message) ?? 'Meta gave no reason.';
  return refusal([code ?? 'unknown', ...(subcode === undefined ? [] : [subcode])].join('/'), message, deadTokens.has(code));
}

/** Asks one object of the graph for one of its fields. */
export const graphOwner = (path: string, field: string): ApiQuestion<string> => ({
  request: ({ accessToken }) => ({ method: 'GET', path: `/${graphVersion}/${path}?fields=${field}`, headers: bearer(accessToken) }),
  read: (answer) => graphRefusal(answer) ?? found(objectOf(answer.body)?.[field]),
});

/**
 * Meta takes the app's subscription away from an account whose deliveries have failed for an hour or more. `node`: whose it is; undefined: not known.
 * Without fields Meta takes what the app is set up for.
 */
export function graphSubscription(
  node: (config: { readonly [key: string]: Json }) => string | undefined,
  fields: readonly string[],
): Subscription {
  const of =
    (method: 'GET' | 'POST', query = ''): ApiQuestion<never>['request'] =>
    ({ accessToken, config }) => {
      const id = node(config);
      return id === undefined
        ? undefined
        : { method, path: `/${graphVersion}/${id}/subscribed_apps${query}`, headers: bearer(accessToken) };
    };
  return {
    look: {
      request: of('GET'),
      read: (answer) => graphRefusal(answer) ?? { ok: true, value: (listOf(objectOf(answer.body)?.data) ?? []).length > 0 },
    },
    renew: {
      request: of('POST', fields.length === 0 ? '' : `?subscribed_fields=${fields.join(',')}`),
      read: (answer) => graphRefusal(answer) ?? { ok: true, value: true },
    },
  };
}
