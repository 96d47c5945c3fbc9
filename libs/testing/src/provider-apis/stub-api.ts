import { isJsonObject, type Json, type JsonObject } from '@sluice/kernel';

/** A call to one of the stubs, as it came. */
export interface ApiCall {
  readonly method: string;
  /** Below the provider's base URL */
  readonly path: string;
  /** Lower-case names */
  readonly headers: Readonly<Record<string, string>>;
  /** Of JSON, or of a form; empty for what is neither */
  readonly body: JsonObject;
}

export interface StubAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Json;
}

/** So many calls within any stretch of this length. */
export interface Limit {
  readonly key: string;
  readonly calls: number;
  readonly perMs: number;
}

/** What a call wants that is right in itself. */
export interface Order {
  readonly account: string;
  readonly to: string;
  /** One for each message */
  readonly texts: readonly string[];
  /** What was given along for the provider to repeat */
  readonly reference?: string;
  readonly limits: readonly Limit[];
  /** What was ordered under this name before is not done again. */
  readonly once?: { readonly name: string; readonly again: (messageIds: readonly string[]) => StubAnswer };
  /** It takes the place of what was delivered under this name. */
  readonly replaces?: string;
  readonly done: (messageIds: readonly string[]) => StubAnswer;
}

/** The troubles that one can ask a stub for, by the names that nodes give them. */
export type ApiTrouble =
  'credentials_expired' | 'window_closed' | 'rate_limited' | 'recipient_unknown' | 'recipient_unreachable' | 'provider_unavailable';

/** A provider's API as it is documented. */
export interface StubApi {
  readonly provider: string;
  /** The real answers to what goes wrong; a provider that knows no reply window has none for it. */
  readonly troubles: Readonly<Partial<Record<ApiTrouble, StubAnswer>>>;
  /** The ids of messages, from 1 on */
  messageId(count: number): string;
  /** `isDead`: of tokens, whatever they are for */
  read(call: ApiCall, isDead: (token: string) => boolean): StubAnswer | Order;
}

export const isOrder = (read: StubAnswer | Order): read is Order => 'texts' in read;

export const textOf = (value: Json | undefined): string => (typeof value === 'string' ? value : '');
export const objectOf = (value: Json | undefined): JsonObject => (value !== undefined && isJsonObject(value) ? value : {});
export const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);
export const bearerIn = ({ headers }: ApiCall, scheme = 'Bearer'): string => {
  const [given, token = ''] = (headers['authorization'] ?? '').split(' ');
  return given === scheme ? token : '';
};
