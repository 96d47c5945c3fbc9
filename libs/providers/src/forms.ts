import { isUtf8 } from 'node:buffer';
import type { Json } from '@sluice/kernel';
import type { ProviderRequest } from './adapter.js';
import { hostile, type ParsedBody, parseBody } from './hostile.js';
import { valuesOf } from './signatures.js';

/** True if the body is `application/x-www-form-urlencoded`. */
export const isForm = ({ headers }: Pick<ProviderRequest, 'headers'>): boolean =>
  /^application\/x-www-form-urlencoded\s*(;|$)/i.test(valuesOf(headers['content-type'])[0] ?? '');

/** Names and values, decoded, in the order that they came; invalid UTF-8 becomes U+FFFD. */
export const formPairs = (body: Buffer): readonly (readonly [name: string, value: string])[] => [
  ...new URLSearchParams(body.toString('latin1').replace(/[^\x20-\x7e]/g, percent)),
];

/**
 * Reads a verified form as an object of texts; a repeated name has a list of them. Everything is a form in some reading, so
 * none is malformed; one that Postgres would refuse is hostile, as with `parseBody`.
 */
export function parseForm(body: Buffer): ParsedBody {
  const bytes = percentDecoded(body);
  if (bytes.includes(0)) return hostile('nul_character', body);
  if (!isUtf8(bytes)) return hostile('invalid_utf8', body);

  const fields = new Map<string, string[]>();
  for (const [name, value] of formPairs(body)) {
    const values = fields.get(name);
    if (values) values.push(value);
    else fields.set(name, [value]);
  }
  // `fromEntries` makes own keys of all names, `__proto__` too.
  const value: Json = Object.fromEntries([...fields].map(([name, values]) => [name, values.length === 1 ? (values[0] ?? '') : values]));
  return { kind: 'json', value };
}

/** Reads a form that has its JSON in a field `payload`, as those of Slack and GitHub; the form itself, if it has none. */
export function parsePayloadForm(body: Buffer): ParsedBody {
  const form = parseForm(body);
  const payloads = formPairs(body).filter(([name]) => name === 'payload');
  return form.kind === 'json' && payloads.length === 1 ? parseBody(Buffer.from(payloads[0]?.[1] ?? '')) : form;
}

/** The bytes that the text stands for. */
const percentDecoded = (body: Buffer): Buffer =>
  Buffer.from(
    body.toString('latin1').replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );

const percent = (byte: string) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`;
