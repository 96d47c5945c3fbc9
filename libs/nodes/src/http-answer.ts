import { type Json, type JsonObject, parseExact } from '@sluice/kernel';
import { configFailure, isList, optionalChoice } from './config-fields.js';
import type { Mask } from './http-credential.js';
import { NodeFailure, type OutboundResponse } from './node-type.js';
import { bodyText, excerpt, isJson } from './response-body.js';
import { parseRetryAfter } from './retry-after.js';

export const RESPONSE_TYPES = ['auto', 'json', 'text', 'binary'] as const;
export const STATUS_MIN = 200;
export const STATUS_MAX = 599;

/** What of an output comes from the answer's body, the credential blanked. Throws NodeFailure for what is not of the type. */
export function answerReader(config: JsonObject, mask: Mask): (response: OutboundResponse) => JsonObject & { readonly body: Json } {
  const textOf = (response: OutboundResponse) => ({ body: mask.text(bodyText(response)) });
  const jsonOf = (response: OutboundResponse) => {
    const json = parsed(response);
    return json === undefined ? undefined : { body: mask.json(json) };
  };
  switch (optionalChoice(config, 'responseType', RESPONSE_TYPES) ?? 'auto') {
    case 'auto':
      return (response) => (isJson(response) ? jsonOf(response) : undefined) ?? textOf(response);
    case 'json':
      return (response) => {
        const json = jsonOf(response);
        if (json === undefined) throw notJson(response, mask);
        return json;
      };
    case 'text':
      return textOf;
    case 'binary':
      return ({ headers, body }) => ({
        body: mask.bytes(body).toString('base64'),
        contentType: mask.text(headers['content-type'] ?? 'application/octet-stream'),
      });
  }
}

/** Nothing is null; `undefined` for what is no JSON. */
function parsed(response: OutboundResponse): Json | undefined {
  const text = bodyText(response);
  if (text.trim() === '') return null;
  try {
    return parseExact(text);
  } catch {
    return undefined;
  }
}

function notJson(response: OutboundResponse, mask: Mask): NodeFailure {
  const details = { status: response.status, body: excerpt(mask.text(bodyText(response))) };
  return new NodeFailure('invalid_response', `The target answered ${response.status} with something that is not JSON`, {
    retryable: false,
    details,
  });
}

/** Throws a NodeFailure for a status that is no success. */
export function statusChecker(config: JsonObject, mask: Mask, now: Date): (response: OutboundResponse) => void {
  const expected = statusesOf(config, 'expectStatuses');
  const repeated = statusesOf(config, 'retryStatuses');
  return (response) => {
    const { status } = response;
    const isRepeated = repeated.includes(status);
    if (expected.includes(status) || (status >= 200 && status < 400 && !isRepeated)) return;
    throw statusFailure(response, isRepeated || status === 408 || status === 425 || status === 429 || status >= 500, mask, now);
  };
}

function statusesOf(config: JsonObject, field: string): readonly number[] {
  const value = config[field] ?? [];
  return (isList(value) ? value : [value]).map((one) => {
    const status = Number(one);
    if (Number.isInteger(status) && status >= STATUS_MIN && status <= STATUS_MAX) return status;
    throw configFailure(field, `must be a list of statuses from ${STATUS_MIN} to ${STATUS_MAX}`);
  });
}

function statusFailure(response: OutboundResponse, retryable: boolean, mask: Mask, now: Date): NodeFailure {
  const { status } = response;
  const retryAfterMs = retryable ? parseRetryAfter(response.headers['retry-after'], now) : undefined;
  return new NodeFailure('http_status', `The target answered ${status}`, {
    retryable,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    // A gateway that gave up, or a program that broke off, may have done the work; 503 says that it was not begun.
    outcomeUnknown: status >= 500 && status !== 501 && status !== 503,
    details: { status, body: excerpt(mask.text(bodyText(response))) },
  });
}
