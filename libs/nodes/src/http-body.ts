import type { Json, JsonObject } from '@sluice/kernel';
import { configFailure, isList, optionalChoice, optionalObject, optionalText, requiredText } from './config-fields.js';

export const BODY_TYPES = ['json', 'form', 'text', 'binary'] as const;
const BODY_BYTES_MAX = 1024 * 1024;

export interface HttpBody {
  readonly contentType: string;
  readonly bytes: string | Buffer;
}

/** The body as it is sent; `undefined` if there is none. Throws NodeFailure for one that does not fit its type, or is over 1 MiB. */
export function bodyOf(config: JsonObject, body: Json | undefined): HttpBody | undefined {
  if (body === undefined) return undefined;
  const { contentType, bytes } = written(config, body);
  if (Buffer.byteLength(bytes) > BODY_BYTES_MAX) throw configFailure('body', `is over the limit of ${BODY_BYTES_MAX} bytes`);

  const type = optionalText(config, 'contentType') ?? contentType;
  if (/[\r\n\0]/.test(type)) throw configFailure('contentType', 'must not have line breaks');
  return { contentType: type, bytes };
}

function written(config: JsonObject, body: Json): HttpBody {
  switch (optionalChoice(config, 'bodyType', BODY_TYPES) ?? (typeof body === 'string' ? 'text' : 'json')) {
    case 'json':
      return { contentType: 'application/json', bytes: JSON.stringify(body) };
    case 'form':
      return { contentType: 'application/x-www-form-urlencoded', bytes: formOf(optionalObject({ body }, 'body')) };
    case 'text':
      return { contentType: 'text/plain; charset=utf-8', bytes: optionalText({ body }, 'body') ?? '' };
    case 'binary':
      return { contentType: 'application/octet-stream', bytes: base64Of(requiredText({ body }, 'body')) };
  }
}

function formOf(fields: JsonObject): string {
  const form = new URLSearchParams();
  for (const [name, text] of pairsOf(fields, 'body')) form.append(name, text);
  return form.toString();
}

/** Names and texts of a query or a form. A list repeats its name, null is left out. */
export function pairsOf(fields: JsonObject, field: string): [string, string][] {
  return Object.entries(fields).flatMap(([name, value]) =>
    (isList(value) ? value : [value]).flatMap((item): [string, string][] => {
      if (item === null) return [];
      if (typeof item === 'object') throw configFailure(`${field}.${name}`, 'must be a text, a number, true or false, or a list of them');
      return [[name, String(item)]];
    }),
  );
}

/** Also as URLs write it, without padding, and with line breaks. */
function base64Of(text: string): Buffer {
  const digits = text.replaceAll(/\s/g, '');
  if (!/^[\w+/-]*={0,2}$/.test(digits) || digits.replaceAll('=', '').length % 4 === 1) {
    throw configFailure('body', 'must be Base64 when `bodyType` is "binary"');
  }
  return Buffer.from(digits, 'base64');
}
