import { DEFAULT_HANDLE } from '@sluice/engine';
import type { Json, JsonObject } from '@sluice/kernel';
import { configFailure, isList, optionalObject, optionalText, requiredText } from './config-fields.js';
import { Mask, withCredential } from './http-credential.js';
import { type EffectNodeType, NodeFailure, type OutboundRequest, type OutboundResponse } from './node-type.js';
import { bodyText, excerpt, isJson } from './response-body.js';
import { parseRetryAfter } from './retry-after.js';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const BODY_BYTES_MAX = 1024 * 1024;
const scalar = ['string', 'number', 'boolean'];

export const httpRequest: EffectNodeType = {
  type: 'http.request',
  kind: 'effect',
  effect: 'at_least_once',
  title: 'HTTP request',
  description:
    'Calls a URL. Its output is `{status, headers, body}`; a JSON answer is parsed. 408, 425, 429, 5xx and lost connections are tried ' +
    'again, other 4xx fail at once. Every attempt carries the same Idempotency-Key.',
  configSchema: {
    title: 'HTTP request',
    type: 'object',
    properties: {
      method: { title: 'Method', type: 'string', enum: METHODS, default: 'GET' },
      url: {
        title: 'URL',
        description: 'http or https. Addresses of private networks are refused.',
        type: 'string',
        format: 'http-url',
        minLength: 1,
        maxLength: 8192,
        examples: ['https://api.example.com/orders/{{ input.orderId }}'],
      },
      headers: {
        title: 'Headers',
        type: 'object',
        propertyNames: { pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" },
        additionalProperties: { type: scalar, pattern: '^[^\\r\\n\\u0000]*$' },
        examples: [{ Accept: 'application/json' }],
      },
      query: {
        title: 'Query',
        description: 'Added to the URL. A list repeats its name; a value that finds nothing is left out.',
        type: 'object',
        additionalProperties: { type: [...scalar, 'null', 'array'], items: { type: scalar } },
        examples: [{ page: 1, tag: ['new', 'paid'] }],
      },
      body: {
        title: 'Body',
        description: 'A text is sent as it is, anything else as JSON. Templates are filled in.',
        examples: [{ name: '{{ input.name }}' }],
      },
      credential: {
        title: 'Credential',
        description: 'The id of a credential of the tenant. It is sent only to the hosts that it allows, and to no other after a redirect.',
        type: 'string',
        format: 'uuid',
        literal: true,
      },
    },
    required: ['url'],
    additionalProperties: false,
    examples: [{ method: 'POST', url: 'https://api.example.com/orders', body: { customer: '{{ trigger.customerId }}' } }],
  },
  handles: () => [DEFAULT_HANDLE],
  async run({ config, now }, tools) {
    const request = requestOf(config, tools.idempotencyKey);
    const credentialId = optionalText(config, 'credential');
    const credential = credentialId === undefined ? undefined : await tools.credential(credentialId);
    const response = await tools.send(credential === undefined ? request : withCredential(request, credential));
    const mask = new Mask(credential?.secret);
    const { status, headers } = response;
    if (status >= 400 || status < 200) throw statusFailure(response, mask, now);
    return { kind: 'done', handle: DEFAULT_HANDLE, output: { status, headers: mask.headers(headers), body: bodyOf(response, mask) } };
  },
};

function requestOf(config: JsonObject, idempotencyKey: string): OutboundRequest {
  const method = (optionalText(config, 'method') ?? 'GET').toUpperCase();
  if (!METHODS.includes(method)) throw configFailure('method', `must be one of ${METHODS.join(', ')}`);

  const body = config['body'];
  // Promise 4: whatever the author wrote, every attempt carries the same key.
  const headers = { ...headersOf(config), 'idempotency-key': idempotencyKey };
  if (body === undefined) return { method, url: urlOf(config), headers };

  const text = typeof body === 'string' ? body : JSON.stringify(body);
  if (Buffer.byteLength(text) > BODY_BYTES_MAX) throw configFailure('body', `is over the limit of ${BODY_BYTES_MAX} bytes`);
  const type = typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json';
  return { method, url: urlOf(config), headers: { 'content-type': type, ...headers }, body: text };
}

function urlOf(config: JsonObject): string {
  const text = requiredText(config, 'url');
  const url = URL.parse(text);
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) throw configFailure('url', 'must be a URL with http:// or https://');

  for (const [name, value] of Object.entries(optionalObject(config, 'query'))) {
    for (const item of isList(value) ? value : [value]) {
      if (typeof item === 'object' && item !== null)
        throw configFailure(`query.${name}`, 'must be a text, a number, true or false, or a list of them');
      if (item !== null) url.searchParams.append(name, String(item));
    }
  }
  return url.href;
}

function headersOf(config: JsonObject): Record<string, string> {
  const pairs = Object.entries(optionalObject(config, 'headers')).flatMap(([name, value]): [string, string][] => {
    if (value === null) return [];
    if (typeof value === 'object') throw configFailure(`headers.${name}`, 'must be a text');
    // A line break would begin a header of the customer's own choice.
    if (/[\r\n\0]/.test(`${name}${value}`)) throw configFailure(`headers.${name}`, 'must not have line breaks');
    return [[name.toLowerCase(), String(value)]];
  });
  return Object.fromEntries(pairs);
}

function bodyOf(response: OutboundResponse, mask: Mask): Json {
  const text = bodyText(response);
  if (!isJson(response)) return mask.text(text);
  if (text.trim() === '') return null;
  try {
    return mask.json(JSON.parse(text));
  } catch {
    return mask.text(text);
  }
}

function statusFailure(response: OutboundResponse, mask: Mask, now: Date): NodeFailure {
  const { status } = response;
  const retryable = status === 408 || status === 425 || status === 429 || status >= 500;
  const retryAfterMs = retryable ? parseRetryAfter(response.headers['retry-after'], now) : undefined;
  return new NodeFailure('http_status', `The target answered ${status}`, {
    retryable,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    // A gateway that gave up, or a program that broke off, may have done the work; 503 says that it was not begun.
    outcomeUnknown: status >= 500 && status !== 501 && status !== 503,
    details: { status, body: excerpt(mask.text(bodyText(response))) },
  });
}
