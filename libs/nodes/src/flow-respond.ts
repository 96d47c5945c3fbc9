import { DEFAULT_HANDLE } from '@sluice/engine';
import { isJsonObject, type Json, type JsonObject } from '@sluice/kernel';
import { configFailure, optionalInteger, optionalObject } from './config-fields.js';
import { type ConfigError, configProblem, hasTemplate, joinPath } from './config-schema.js';
import { HEADER_VALUE } from './http-headers.js';
import type { TaskNodeType } from './node-type.js';

const BODY_BYTES_MAX = 256 * 1024;
const HEADER_BYTES_MAX = 8 * 1024;
const STATUS_DEFAULT = 200;
const REDIRECTS = [301, 302, 303, 307, 308];
const WITHOUT_BODY = [204, 205, 304];

/** Nothing that a browser runs or renders as a page: the answer comes from our origin, and its parts from anybody. */
const CONTENT_TYPE = /^(application\/([a-z0-9.+-]+\+)?json|application\/xml|text\/(xml|plain|csv))(\s*;\s*charset="?utf-8"?)?$/i;
const headerValue = new RegExp(HEADER_VALUE);
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
        default: STATUS_DEFAULT,
        examples: [200, 202, 404],
      },
      headers: {
        title: 'Headers',
        description:
          `Content-Type (JSON, XML, plain text or CSV, in UTF-8), ${PLAIN_HEADERS.join(', ')}, X-… but for those that proxies obey, and ` +
          `with a status of ${REDIRECTS.join(', ')} Location. A value that finds nothing is left out.`,
        type: 'object',
        propertyNames: { pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" },
        additionalProperties: { type: ['string', 'number', 'boolean'], pattern: HEADER_VALUE },
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
  problems: problemsIn,
  async run({ config }, tools) {
    const status = optionalInteger(config, 'status', 200, 599) ?? STATUS_DEFAULT;
    const { type, text } = bodyOf(config['body'], status);
    const headers = { ...type, ...headersOf(optionalObject(config, 'headers'), status), ...OUR_HEADERS };
    return { kind: 'done', handle: DEFAULT_HANDLE, output: { delivered: await tools.respond({ status, headers, body: text }) } };
  },
};

/** A header that may never be set is refused whatever its value: nothing could come of it. */
function* problemsIn({ status = STATUS_DEFAULT, headers = {}, body }: JsonObject): Generator<ConfigError> {
  const known = typeof status === 'number' ? status : undefined;
  for (const [name, value] of isJsonObject(headers) ? Object.entries(headers) : []) {
    const problem = headerProblem(name.toLowerCase(), hasTemplate(value) ? undefined : String(value), known);
    if (problem !== undefined) yield configProblem(joinPath('headers', name), problem);
  }
  const problem = body === undefined || hasTemplate(body) ? undefined : bodyProblem(known);
  if (problem !== undefined) yield configProblem('body', problem);
}

const bodyProblem = (status: number | undefined): string | undefined =>
  status !== undefined && WITHOUT_BODY.includes(status) ? `must be left out with the status ${status}` : undefined;

function bodyOf(body: Json | undefined, status: number): { readonly type: Record<string, string>; readonly text: string } {
  if (body === undefined) return { type: {}, text: '' };
  const problem = bodyProblem(status);
  if (problem !== undefined) throw configFailure('body', problem);
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
    if (!headerValue.test(text)) throw configFailure(field, 'has characters that a header cannot carry');
    const problem = headerProblem(name, text, status);
    if (problem !== undefined) throw configFailure(field, problem);
    return [[name, text]];
  });
  if (pairs.reduce((bytes, [name, text]) => bytes + name.length + text.length, 0) > HEADER_BYTES_MAX) {
    throw configFailure('headers', `are over the limit of ${HEADER_BYTES_MAX} bytes together`);
  }
  return Object.fromEntries(pairs);
}

/** `text` and `status`: undefined where only a run will tell */
function headerProblem(name: string, text: string | undefined, status: number | undefined): string | undefined {
  if (name === 'content-type') {
    if (text === undefined || CONTENT_TYPE.test(text.trim())) return undefined;
    return 'must be JSON, XML, plain text or CSV, in UTF-8: nothing that a browser runs';
  }
  if (name === 'location') {
    if (status !== undefined && !REDIRECTS.includes(status)) return `needs a status of ${REDIRECTS.join(', ')}`;
    const isUrl = text === undefined || ['https:', 'http:'].includes(URL.parse(text)?.protocol ?? '');
    return isUrl ? undefined : 'must be a URL with http:// or https://';
  }
  const maySet = PLAIN_HEADERS.includes(name) || (/^x-[\w!#$%&'*+.^`|~-]+$/.test(name) && !TAKEN_HEADER.test(name));
  return maySet ? undefined : `cannot be set: only Content-Type, Location, ${PLAIN_HEADERS.join(', ')} and X-… can`;
}
