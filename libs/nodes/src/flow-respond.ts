import { DEFAULT_HANDLE } from '@sluice/engine';
import type { Json, JsonObject } from '@sluice/kernel';
import { configFailure, optionalInteger, optionalObject } from './config-fields.js';
import type { TaskNodeType } from './node-type.js';

const BODY_BYTES_MAX = 256 * 1024;
const HEADER_BYTES_MAX = 8 * 1024;
const REDIRECTS = [301, 302, 303, 307, 308];
const WITHOUT_BODY = [204, 205, 304];

/** Nothing that a browser runs or renders as a page: the answer comes from our origin, and its parts from anybody. */
const CONTENT_TYPE = /^(application\/([a-z0-9.+-]+\+)?json|application\/xml|text\/(xml|plain|csv))(\s*;\s*charset="?utf-8"?)?$/i;
const PLAIN_HEADERS = ['cache-control', 'content-disposition', 'content-language', 'etag', 'expires', 'last-modified', 'retry-after'];
/** Of `x-` headers, those that tell a proxy before us which file to send, where to go, or who is calling, and what we say ourselves. */
const TAKEN_HEADER =
  /^x-(accel-|sendfile|send-file|lighttpd-|litespeed-|reproxy-|forwarded|real-ip|original-|rewrite-|content-type-options$|frame-options$|correlation-id$)/;
/** Should a browser show the answer all the same, nothing in it runs or loads. */
const OUR_HEADERS = { 'x-content-type-options': 'nosniff', 'content-security-policy': "default-src 'none'; sandbox" };

export const flowRespond: TaskNodeType = {
  type: 'flow.respond',
  kind: 'task',
  title: 'Respond',
  description:
    'Answers the webhook call that started the run, if the webhook is registered as `sync` and the caller still waits. The first answer ' +
    'counts. Its output is `{delivered}`: false if nobody waited, or not any more. The run goes on either way.',
  configSchema: {
    title: 'Respond',
    type: 'object',
    properties: {
      status: {
        title: 'Status',
        description: `Of HTTP. ${WITHOUT_BODY.join(', ')} have no body.`,
        type: 'integer',
        minimum: 200,
        maximum: 599,
        default: 200,
        examples: [200, 202, 404],
      },
      headers: {
        title: 'Headers',
        description:
          `Content-Type (JSON, XML, plain text or CSV, in UTF-8), ${PLAIN_HEADERS.join(', ')}, X-… but for those that proxies obey, and ` +
          `with a status of ${REDIRECTS.join(', ')} Location. A value that finds nothing is left out.`,
        type: 'object',
        propertyNames: { pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" },
        additionalProperties: { type: ['string', 'number', 'boolean'], pattern: '^[^\\r\\n\\u0000]*$' },
        examples: [{ 'Content-Type': 'text/xml', 'Cache-Control': 'no-store' }],
      },
      body: {
        title: 'Body',
        description: `A text is sent as it is, anything else as JSON; at most ${BODY_BYTES_MAX} bytes. Templates are filled in.`,
        examples: [{ ok: true, orderId: '{{ input.orderId }}' }, 'Thank you!'],
      },
    },
    additionalProperties: false,
    examples: [
      { body: { ok: true, orderId: '{{ input.orderId }}' } },
      { status: 404, body: { error: 'No such order' }, headers: { 'Cache-Control': 'no-store' } },
      { status: 204 },
    ],
  },
  handles: () => [DEFAULT_HANDLE],
  async run({ config }, tools) {
    const status = optionalInteger(config, 'status', 200, 599) ?? 200;
    const { type, text } = bodyOf(config['body'], status);
    const headers = { ...type, ...headersOf(optionalObject(config, 'headers'), status), ...OUR_HEADERS };
    return { kind: 'done', handle: DEFAULT_HANDLE, output: { delivered: await tools.respond({ status, headers, body: text }) } };
  },
};

function bodyOf(body: Json | undefined, status: number): { readonly type: Record<string, string>; readonly text: string } {
  if (body === undefined) return { type: {}, text: '' };
  if (WITHOUT_BODY.includes(status)) throw configFailure('body', `must be left out with the status ${status}`);
  // The answer waits in the database for its caller: NUL and half an emoji cannot be kept there.
  const text = typeof body === 'string' ? body.toWellFormed().replaceAll('\0', '\ufffd') : JSON.stringify(body);
  if (Buffer.byteLength(text) > BODY_BYTES_MAX) throw configFailure('body', `is over the limit of ${BODY_BYTES_MAX} bytes`);
  return { type: { 'content-type': typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json' }, text };
}

function headersOf(config: JsonObject, status: number): Record<string, string> {
  const pairs = Object.entries(config).flatMap(([written, value]): [string, string][] => {
    if (value === null) return [];
    const field = `headers.${written}`;
    if (typeof value === 'object') throw configFailure(field, 'must be a text');
    const name = written.toLowerCase();
    const text = String(value);
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) throw configFailure(field, 'has characters that a header cannot carry');
    checkHeader(field, name, text, status);
    return [[name, text]];
  });
  if (pairs.reduce((bytes, [name, text]) => bytes + name.length + text.length, 0) > HEADER_BYTES_MAX) {
    throw configFailure('headers', `are over the limit of ${HEADER_BYTES_MAX} bytes together`);
  }
  return Object.fromEntries(pairs);
}

function checkHeader(field: string, name: string, text: string, status: number): void {
  if (name === 'content-type') {
    if (!CONTENT_TYPE.test(text.trim()))
      throw configFailure(field, 'must be JSON, XML, plain text or CSV, in UTF-8: nothing that a browser runs');
  } else if (name === 'location') {
    const url = URL.parse(text);
    if (!REDIRECTS.includes(status)) throw configFailure(field, `needs a status of ${REDIRECTS.join(', ')}`);
    if (url?.protocol !== 'https:' && url?.protocol !== 'http:') throw configFailure(field, 'must be a URL with http:// or https://');
  } else if (!PLAIN_HEADERS.includes(name) && (!/^x-[\w!#$%&'*+.^`|~-]+$/.test(name) || TAKEN_HEADER.test(name))) {
    throw configFailure(field, `cannot be set: only Content-Type, Location, ${PLAIN_HEADERS.join(', ')} and X-… can`);
  }
}
