import { stripExpression } from '@sluice/expressions';
import { isJsonObject, isUuid, type JsonObject } from '@sluice/kernel';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { parseInstant } from './instant.js';
import { nearestName } from './nearest-name.js';
import { syntaxErrorIn } from './javascript-syntax.js';
import { cronProblem, timeZoneProblem } from './schedule.js';

/**
 * Schemas of configs are plain JSON Schema with a few additions:
 * - `format: "expression"`: the text is an expression, with or without `{{ }}`; texts elsewhere are templates;
 * - `deferred: true`, of an expression at the top level: the node evaluates it itself, for each item or event (`NodeInput.evaluate`);
 * - `locals: ["item"]`, of a deferred one: what it sees besides;
 * - `needsValue: true`, of a field at the top level: the node fails if what was written there finds nothing;
 * - `literal: true`: must be written out, because it is needed before anything runs;
 * - `handle: true`: the node can also be left by this value; `handle: "conflict"`: by that handle, once the field is set;
 * - `bytesMax`: of a text in UTF-8;
 * - `format: "code"`, of a text at the top level: it is left as it is, whatever `{{` stands in it;
 * - `syntax: "javascript"`: it can be read as such.
 */
// `strictRequired` would refuse `oneOf: [{ required: ['ms'] }]`, whose properties stand in the schema around it.
const ajv = new Ajv2020({
  strict: true,
  strictRequired: false,
  allowUnionTypes: true,
  allErrors: true,
  verbose: true,
  ownProperties: true,
});
ajv.addFormat('expression', true);
ajv.addFormat('instant', (text: string) => parseInstant(text) !== undefined);
ajv.addFormat('http-url', isHttpUrl);
ajv.addFormat('uuid', isUuid);
ajv.addFormat('code', true);
ajv.addFormat('cron', (text: string) => cronProblem(text) === undefined);
ajv.addFormat('time-zone', (text: string) => timeZoneProblem(text) === undefined);
ajv.addKeyword({ keyword: 'literal', schemaType: 'boolean', validate: (_literal: boolean, value: unknown) => !hasTemplate(value) });
ajv.addKeyword({ keyword: 'deferred', schemaType: 'boolean' });
ajv.addKeyword({ keyword: 'locals', schemaType: 'array' });
ajv.addKeyword({ keyword: 'needsValue', schemaType: 'boolean' });
ajv.addKeyword({ keyword: 'handle', schemaType: ['boolean', 'string'] });
ajv.addKeyword({
  keyword: 'bytesMax',
  type: 'string',
  schemaType: 'number',
  validate: (max: number, text: string) => Buffer.byteLength(text) <= max,
});
ajv.addKeyword({
  keyword: 'syntax',
  type: 'string',
  schemaType: 'string',
  validate: (_language: string, text: string) => syntaxErrorIn(text) === undefined,
});

export interface ConfigError {
  /** Like `cases[0].when`; empty for the whole config */
  readonly path: string;
  readonly message: string;
}

export const configProblem = (path: string, problem: string): ConfigError => ({ path, message: `\`${path}\` ${problem}` });

/** Gives all errors of a value at once. The schema is compiled at the first question: most processes never ask. */
export function configChecker(schema: JsonObject): (config: unknown) => readonly ConfigError[] {
  let validate: ValidateFunction | undefined;
  return (config) => {
    validate ??= ajv.compile(schema);
    return validate(config) ? [] : (validate.errors ?? []).filter(isOurs).map(configError);
  };
}

export const hasTemplate = (value: unknown): boolean => typeof value === 'string' && value.includes('{{');

function isWholeTemplate(text: unknown): boolean {
  if (typeof text !== 'string' || !text.startsWith('{{') || !text.endsWith('}}')) return false;
  try {
    return stripExpression(text) !== text;
  } catch {
    return false;
  }
}

/**
 * Whether an error stands. What a template becomes is known only at run time: a whole one may become anything, in mixed text
 * only the type is sure. What is wrong inside `oneOf` and the like is told by those themselves.
 */
function isOurs({ keyword, schemaPath, propertyName, data, parentSchema }: ErrorObject): boolean {
  if (parentSchema?.['format'] === 'code') return true;
  if (/\/(oneOf|anyOf)\//.test(schemaPath) || keyword === 'if' || keyword === 'propertyNames') return false;
  if (keyword === 'oneOf' || keyword === 'anyOf') return isJsonObject(data);
  if (propertyName !== undefined || !hasTemplate(data)) return true;
  return keyword === 'literal' || (keyword === 'type' && !isWholeTemplate(data));
}

function configError(error: ErrorObject): ConfigError {
  const base = pathOf(error.instancePath);
  const params: Record<string, unknown> = error.params;
  const named = params['missingProperty'] ?? params['additionalProperty'] ?? error.propertyName;
  const path = typeof named === 'string' ? joinPath(base, named) : base;
  if (error.keyword === 'syntax') return { path, message: `\`${path}\` cannot be read: ${syntaxErrorIn(String(error.data)) ?? ''}` };
  return { path, message: messageOf(error, path === '' ? 'The config' : `\`${path}\``) };
}

function messageOf({ keyword, schema, propertyName, message, params, parentSchema, data }: ErrorObject, field: string): string {
  switch (keyword) {
    case 'required':
      return `${field} is missing: give it a value`;
    case 'additionalProperties':
      return `${field} is not known here: remove it or check its spelling${nearestField(params, parentSchema)}`;
    case 'pattern':
      return propertyName === undefined ? `${field} has characters that are not allowed here` : `${field} is not a valid name`;
    case 'type':
      return `${field} must be ${new Intl.ListFormat('en', { type: 'disjunction' }).format(listOf(schema).map(withArticle))}`;
    case 'enum':
      return `${field} must be one of ${listOf(schema)
        .map((one) => JSON.stringify(one))
        .join(', ')}`;
    case 'oneOf':
      return `${field} needs exactly one of ${requiredIn(schema)}`;
    case 'anyOf':
      return `${field} needs at least one of ${requiredIn(schema)}`;
    case 'not':
      return `${field} may have only one of ${requiredIn(schema)}`;
    case 'literal':
      return `${field} must be written out: a template is not allowed here`;
    case 'bytesMax':
      return `${field} has more than ${String(schema)} bytes in UTF-8: shorten it`;
    case 'maxLength':
      return `${field} has more than ${String(schema)} characters: shorten it`;
    case 'minLength':
      return `${field} must have at least ${String(schema)} character(s)`;
    case 'minItems':
      return `${field} must have at least ${String(schema)} item(s)`;
    case 'format':
      return `${field} ${formatMessages.get(String(schema))?.(String(data)) ?? 'is not valid'}`;
    default:
      return `${field} ${message ?? 'is not valid'}`;
  }
}

function nearestField(params: Record<string, unknown>, schema: unknown): string {
  const known = isJsonObject(schema) && isJsonObject(schema['properties']) ? Object.keys(schema['properties']) : [];
  const nearest = nearestName(String(params['additionalProperty']), known);
  return nearest === undefined ? '' : `. Did you mean \`${nearest}\`?`;
}

const formatMessages = new Map<string, (text: string) => string | undefined>([
  ['instant', () => 'must be a time in ISO 8601 with a time zone, such as 2026-12-24T18:00:00Z'],
  ['uuid', () => 'must be an id, as the API gives it: a UUID'],
  ['http-url', () => 'must be a URL with http:// or https://, without a user name'],
  ['cron', cronProblem],
  ['time-zone', timeZoneProblem],
]);

const typeNames = new Map([
  ['string', 'a text'],
  ['boolean', 'true or false'],
  ['integer', 'a whole number'],
  ['number', 'a number'],
  ['array', 'a list'],
  ['object', 'an object'],
  ['null', 'null'],
]);
const withArticle = (type: unknown): string => typeNames.get(String(type)) ?? String(type);

const listOf = (schema: unknown): readonly unknown[] => (Array.isArray(schema) ? schema : [schema]);

/** The names in `[{required: ['ms']}, {required: ['until']}]` or `{required: ['ms', 'until']}`. */
function requiredIn(alternatives: unknown): string {
  const names = listOf(alternatives).flatMap((one) => (isJsonObject(one) ? listOf(one['required']) : []));
  return new Intl.ListFormat('en').format(names.map((name) => `\`${String(name)}\``));
}

function isHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && url.username === '' && url.password === '';
}

/** `/cases/0/when` as `cases[0].when`. */
function pathOf(pointer: string): string {
  const names = pointer
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
  return names.reduce((path, name) => (/^\d+$/.test(name) ? `${path}[${name}]` : joinPath(path, name)), '');
}

/** Names that are not words stand in brackets: `headers["X-Trace"]`. */
export function joinPath(path: string, name: string): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === '' ? name : `${path}.${name}`;
}
