import { DEFAULT_HANDLE } from '@sluice/engine';
import { isJsonObject, type JsonObject } from '@sluice/kernel';
import { configFailure, optionalInteger, optionalObject, optionalText, requiredText } from './config-fields.js';
import { type ConfigError, configProblem, joinPath } from './config-schema.js';
import { answerReader, RESPONSE_TYPES, STATUS_MAX, STATUS_MIN, statusChecker } from './http-answer.js';
import { BODY_TYPES, bodyOf, pairsOf } from './http-body.js';
import { Mask, withCredential } from './http-credential.js';
import { HEADER_VALUE, requestHeaderProblem } from './http-headers.js';
import { type Answer, gatherPages, type PageAddress, PAGES_DEFAULT, PAGES_MAX } from './http-pages.js';
import {
  type EffectNodeType,
  type EffectTools,
  type HttpCredential,
  NodeFailure,
  type NodeInput,
  type OutboundRequest,
  type OutboundResponse,
} from './node-type.js';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
/** Asking again changes nothing at the target. */
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];
const RESPONSE_BYTES_DEFAULT = 1024 * 1024;
const RESPONSE_BYTES_MAX = 8 * 1024 * 1024;
const scalar = ['string', 'number', 'boolean'];
const statuses = { type: 'array', items: { type: 'integer', minimum: STATUS_MIN, maximum: STATUS_MAX }, maxItems: 50, uniqueItems: true };

export const httpRequest: EffectNodeType = {
  type: 'http.request',
  kind: 'effect',
  effect: 'at_least_once',
  title: 'HTTP request',
  description:
    'Calls a URL. Its output is `{status, headers, body}`; a JSON answer is parsed, and whole numbers beyond 2^53, which are ids, become texts. 408, 425, 429, 5xx and lost connections are tried ' +
    'again, other 4xx fail at once. Every attempt carries the same Idempotency-Key. With `nextPage` it asks for page after page: ' +
    '`body` is then the list of the items of all pages, beside it are `pages`, their number, and `complete`, false if `maxPages` ended it.',
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
        additionalProperties: { type: scalar, pattern: HEADER_VALUE },
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
        description: 'Sent as `bodyType` says: without it a text as it is, anything else as JSON. Templates are filled in.',
        examples: [{ name: '{{ input.name }}' }],
      },
      bodyType: {
        title: 'Body type',
        description:
          '`json`: any value. `form`: an object, as application/x-www-form-urlencoded; a list repeats its name, null is left out. ' +
          '`text`: as it is. `binary`: a text in Base64, sent as the bytes it stands for.',
        type: 'string',
        enum: BODY_TYPES,
        examples: ['form'],
      },
      contentType: {
        title: 'Content type of the body',
        description:
          'In place of the one that follows from the body type: application/json, application/x-www-form-urlencoded, text/plain or ' +
          'application/octet-stream. A Content-Type among the headers goes before it.',
        type: 'string',
        minLength: 1,
        maxLength: 200,
        pattern: HEADER_VALUE,
        examples: ['image/png', 'application/vnd.api+json'],
      },
      credential: {
        title: 'Credential',
        description: 'The id of a credential of the tenant. It is sent only to the hosts that it allows, and to no other after a redirect.',
        type: 'string',
        format: 'uuid',
        literal: true,
      },
      responseType: {
        title: 'Answer type',
        description:
          '`auto`: JSON if the answer says that it is, else text. `json`: fails for what is no JSON; an empty answer is null. `text`: as ' +
          'it is. `binary`: `body` is in Base64, and the output has a `contentType`, as `bodyType: binary` takes them.',
        type: 'string',
        enum: RESPONSE_TYPES,
        default: 'auto',
      },
      maxResponseBytes: {
        title: 'Largest answer',
        description: `Bytes, at most ${RESPONSE_BYTES_MAX}, after decompression and of all pages together. A larger answer fails.`,
        type: 'integer',
        minimum: 1,
        maximum: RESPONSE_BYTES_MAX,
        default: RESPONSE_BYTES_DEFAULT,
      },
      expectStatuses: {
        title: 'Expected statuses',
        description: 'They count as success, as 2xx and 3xx do: `status` in the output tells which it was.',
        ...statuses,
        examples: [[404], [404, 410]],
      },
      retryStatuses: {
        title: 'Statuses to try again',
        description: 'Besides 408, 425, 429 and 5xx. With 202 it asks until the answer is there, as often as the retry policy allows.',
        ...statuses,
        examples: [[409, 423], [202]],
      },
      nextPage: {
        title: 'Next page',
        description:
          'An expression that gives, after each page, the URL of the next one; or an object with what changes in the request: ' +
          '`query`, parameters of the URL, and `body`, members of the body. Nothing, or only empty values: it was the last page. ' +
          '`item` is the page: `{status, headers, body, links, page}`, `links` being the URLs of its Link header by relation.',
        type: 'string',
        format: 'expression',
        deferred: true,
        locals: ['item'],
        minLength: 1,
        examples: ['item.links.next', 'item.body.paging.next', '{ "query": { "cursor": item.body.nextCursor } }'],
      },
      pageItems: {
        title: 'Items of a page',
        description: 'An expression that gives the items of a page, which `item` is. What is no list counts as one item, nothing as none.',
        type: 'string',
        format: 'expression',
        deferred: true,
        locals: ['item'],
        minLength: 1,
        default: 'item.body',
        examples: ['item.body.data'],
      },
      maxPages: {
        title: 'Most pages',
        description: 'Where there are more, the output has `complete: false`.',
        type: 'integer',
        minimum: 1,
        maximum: PAGES_MAX,
        default: PAGES_DEFAULT,
      },
    },
    required: ['url'],
    additionalProperties: false,
    examples: [
      { method: 'POST', url: 'https://api.example.com/orders', body: { customer: '{{ trigger.customerId }}' } },
      { url: 'https://api.example.com/orders/{{ input.orderId }}', expectStatuses: [404] },
      { url: 'https://api.example.com/orders', nextPage: 'item.links.next' },
      {
        url: 'https://api.example.com/orders',
        query: { limit: 100 },
        nextPage: '{ "query": { "cursor": item.body.nextCursor } }',
        pageItems: 'item.body.orders',
        maxPages: 20,
      },
    ],
  },
  handles: () => [DEFAULT_HANDLE],
  problems: problemsIn,
  async run(node, tools) {
    const first = { url: urlOf(node.config), body: node.config['body'] };
    const credentialId = optionalText(node.config, 'credential');
    const credential = credentialId === undefined ? undefined : await tools.credential(credentialId);
    const ask = asker(node, tools, first, credential);
    const output = node.config['nextPage'] === undefined ? await ask(first, 1) : await gatherPages(node, first, ask);
    return { kind: 'done', handle: DEFAULT_HANDLE, output };
  },
};

type Ask = (address: PageAddress, page: number) => Promise<Answer>;

/** Asks for a page, the first being the only one of most nodes; throws NodeFailure for whatever is no success. */
function asker({ config, now }: NodeInput, tools: EffectTools, first: PageAddress, credential: HttpCredential | undefined): Ask {
  const mask = new Mask(credential?.secret);
  const read = answerReader(config, mask);
  const checkStatus = statusChecker(config, mask, now);
  const bytesAsked = optionalInteger(config, 'maxResponseBytes', 1, RESPONSE_BYTES_MAX);
  const bytesMax = bytesAsked ?? RESPONSE_BYTES_DEFAULT;
  let bytes = 0;

  const send = async (request: OutboundRequest, page: number): Promise<OutboundResponse> => {
    if (bytes >= bytesMax) throw tooLarge(bytesMax);
    const limit = bytesAsked === undefined && page === 1 ? {} : { maxResponseBytes: bytesMax - bytes };
    const response = await tools.send({ ...request, ...limit });
    bytes += response.body.length;
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    return response;
  };
  return async (address, page) => {
    // Promise 4: every page has a key of its own, whatever the author wrote, and every attempt the same one.
    const request = requestOf(config, address, page === 1 ? tools.idempotencyKey : `${tools.idempotencyKey}-${page}`);
    try {
      if (credential === undefined) refuseElsewhere(first.url, address.url);
      const response = await send(credential === undefined ? request : withCredential(request, credential), page);
      checkStatus(response);
      return { status: response.status, headers: mask.headers(response.headers), ...read(response) };
    } catch (error) {
      throw page > 1 && error instanceof NodeFailure ? failureOfPage(page, request.method, bytesMax, error) : error;
    }
  };
}

function requestOf(config: JsonObject, { url, body: content }: PageAddress, idempotencyKey: string): OutboundRequest {
  const method = (optionalText(config, 'method') ?? 'GET').toUpperCase();
  if (!METHODS.includes(method)) throw configFailure('method', `must be one of ${METHODS.join(', ')}`);
  const headers = { ...headersOf(config), 'idempotency-key': idempotencyKey };
  const body = bodyOf(config, content);
  if (body === undefined) return { method, url, headers };
  return { method, url, headers: { 'content-type': body.contentType, ...headers }, body: body.bytes };
}

function urlOf(config: JsonObject): string {
  const text = requiredText(config, 'url');
  const url = URL.parse(text);
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) throw configFailure('url', 'must be a URL with http:// or https://');
  for (const [name, value] of pairsOf(optionalObject(config, 'query'), 'query')) url.searchParams.append(name, value);
  return url.href;
}

function* problemsIn({ headers = {} }: JsonObject): Generator<ConfigError> {
  for (const name of isJsonObject(headers) ? Object.keys(headers) : []) {
    const problem = requestHeaderProblem(name);
    if (problem !== undefined) yield configProblem(joinPath('headers', name), problem);
  }
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

/** An answer says where the next page is. What the author wrote into the headers goes nowhere else; a credential knows its hosts. */
function refuseElsewhere(first: string, next: string): void {
  const { origin } = new URL(next);
  const known = new URL(first).origin;
  if (origin === known) return;
  const message = `The next page would be at ${origin}, and the headers are only for ${known}: with a credential, its hosts are allowed`;
  throw new NodeFailure('next_page_refused', message, { retryable: false });
}

const tooLarge = (bytesMax: number): NodeFailure =>
  new NodeFailure('response_too_large', `The response is over the limit of ${bytesMax} bytes`, { retryable: false, outcomeUnknown: true });

/** The pages before were asked for: unless that changes nothing at the target, `at_most_once` must not begin again. */
function failureOfPage(page: number, method: string, bytesMax: number, { code, message, options }: NodeFailure): NodeFailure {
  const why = code === 'response_too_large' ? `All pages together are over the limit of ${bytesMax} bytes: ask for fewer` : message;
  return new NodeFailure(code, `Page ${page}: ${why}`, {
    ...options,
    outcomeUnknown: options.outcomeUnknown === true || !SAFE_METHODS.includes(method),
  });
}
