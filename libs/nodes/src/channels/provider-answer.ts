import { isJsonObject, type Json, type JsonObject } from '@sluice/kernel';
import { Mask } from '../http-credential.js';
import { type HttpCredential, NodeFailure, type OutboundRequest, type OutboundResponse } from '../node-type.js';
import { bodyText, excerpt } from '../response-body.js';
import { parseRetryAfter } from '../retry-after.js';

/** What a provider's API answered, with the secrets of the call blanked in it. */
export interface ProviderAnswer {
  readonly status: number;
  readonly headers: OutboundResponse['headers'];
  /** Empty for what is no JSON object */
  readonly body: JsonObject;
  readonly text: string;
  /** What the header `Retry-After` says */
  readonly retryAfterMs: number | undefined;
}

type Secret = HttpCredential['secret'] | string;

/** `secrets`: what the call proved itself with, or the tokens alone */
export function readAnswer(response: OutboundResponse, secrets: Secret | readonly Secret[], now: Date): ProviderAnswer {
  const tokens = [secrets].flat().map((secret) => (typeof secret === 'string' ? { type: 'bearer' as const, token: secret } : secret));
  const mask = new Mask(...tokens);
  const { status, headers } = response;
  const text = mask.text(bodyText(response));
  return { status, headers: mask.headers(headers), body: parsed(text), text, retryAfterMs: parseRetryAfter(headers['retry-after'], now) };
}

function parsed(text: string): JsonObject {
  try {
    const body: unknown = JSON.parse(text);
    return isJsonObject(body) ? body : {};
  } catch {
    return {};
  }
}

export const jsonRequest = (
  method: 'POST' | 'PATCH',
  url: string,
  headers: Readonly<Record<string, string>>,
  body: JsonObject,
): OutboundRequest => ({ method, url, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });

/** For an answer that names no error: a page of some gateway. Behind a 5xx the provider may have done it all the same, but for 503. */
export function bareFailure(provider: string, { status, text, retryAfterMs }: ProviderAnswer): NodeFailure {
  return new NodeFailure('http_status', `${provider} answered ${status}`, {
    retryable: status >= 500 || status === 429,
    retryAfterMs,
    outcomeUnknown: status >= 500 && status !== 503,
    details: { status, body: excerpt(text) },
  });
}

/** The id of what was sent, as a text. */
export function messageIdIn(provider: string, { status, text }: ProviderAnswer, id: Json | undefined): string {
  if ((typeof id === 'string' && id !== '') || typeof id === 'number') return String(id);
  throw new NodeFailure('invalid_response', `${provider} accepted the message without naming it`, {
    retryable: false,
    outcomeUnknown: true,
    details: { status, body: excerpt(text) },
  });
}

export const objectIn = (value: Json | undefined): JsonObject => (value !== undefined && isJsonObject(value) ? value : {});
