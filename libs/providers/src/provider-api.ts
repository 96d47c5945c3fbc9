import type { Json, JsonObject } from '@sluice/kernel';
import type { RefreshSecrets } from './adapter.js';
import { idOf, objectOf, textOf } from './json-values.js';

/** A call of a provider's API about a channel itself, not for a workflow. `path` goes behind the base URL; it may hold the token. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface ApiAnswer {
  readonly status: number;
  /** null: it was not JSON */
  readonly body: Json;
}

/** `dead`: the token is good for nothing any more, and asking again will not help. */
export interface ApiRefusal {
  readonly ok: false;
  readonly dead: boolean;
  readonly code: string;
  readonly message: string;
}

export type ApiOutcome<Value> = { readonly ok: true; readonly value: Value } | ApiRefusal;

/** For whom the API is called */
export interface ApiAccount extends RefreshSecrets {
  readonly accessToken: string;
  readonly externalAccountId: string | null;
  readonly config: JsonObject;
}

/** Undefined: the channel does not say enough to ask. */
export interface ApiQuestion<Value> {
  request(account: ApiAccount): ApiRequest | undefined;
  read(answer: ApiAnswer): ApiOutcome<Value>;
}

export interface RefreshedToken {
  readonly accessToken: string;
  readonly expiresAt: Date;
  /** In place of the one that it was asked for with */
  readonly refreshToken?: string;
}

/** How a token is made to last. */
export interface TokenRefresh {
  /** It is asked for with something that outlives the token: one that has ended, or is dead, can be refreshed too. */
  readonly afterEnd?: true;
  /** From when on it is due. `since`: when the token came here, so it is at least that old. */
  dueAt(token: { readonly since: Date; readonly expiresAt: Date | null }): Date;
  /** Undefined: the channel does not have what it takes. */
  request(account: ApiAccount): ApiRequest | undefined;
  read(answer: ApiAnswer, now: Date): ApiOutcome<RefreshedToken>;
}

/** Where a provider ceases to send an account's events after failures, and tells nobody. */
export interface Subscription {
  /** True: they are sent. */
  readonly look: ApiQuestion<boolean>;
  readonly renew: ApiQuestion<true>;
}

export interface ProviderApi {
  /** Without a slash at the end; the operator may point it elsewhere. */
  readonly url: string;
  /** The id of the account that the token is for, as `externalAccountId` has it */
  readonly owner: ApiQuestion<string>;
  readonly refresh?: TokenRefresh;
  readonly subscription?: Subscription;
}

export const bearer = (token: string, scheme = 'Bearer') => ({ authorization: `${scheme} ${token}` });

/** What stands in the answer, or why there is nothing. */
export const found = (id: Json | undefined): ApiOutcome<string> => {
  const value = idOf(id);
  return value === undefined ? refusal('invalid_response', 'The answer does not name an account.') : { ok: true, value };
};

export const refusal = (code: string, message: string, dead = false): ApiRefusal => ({ ok: false, dead, code, message });

/** A refusal by the HTTP status alone: 401 is what a dead token gets. */
export function refusalByStatus({ status, body }: ApiAnswer): ApiRefusal | undefined {
  if (status < 400) return undefined;
  const said = textOf(objectOf(body)?.message) ?? textOf(objectOf(body)?.description);
  return refusal(`http_${status}`, said ?? `The provider answered ${status}.`, status === 401);
}
