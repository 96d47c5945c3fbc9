import { isJsonObject, type Json, type JsonObject } from '@sluice/kernel';

/** The fields of a config as a table, and what the schema says about several of them together. */
export function configFieldsTable(schema: JsonObject): string {
  const rows = fieldsOf(schema).map(({ path, field, required }) => {
    const cells = [`\`${path}\``, typeOf(field), required ? 'yes' : '', inline(field['default']), descriptionOf(field)];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  if (rows.length === 0) return 'Nothing: the config is `{}`.';
  const table = `| field | type | required | default | what |\n| --- | --- | --- | --- | --- |\n${rows.join('\n')}`;
  const rules = rulesOf(schema);
  return rules.length === 0 ? table : `${table}\n\n${rules.join(' ')}`;
}

interface Field {
  /** Like `cases[].name` */
  readonly path: string;
  readonly field: JsonObject;
  readonly required: boolean;
}

function fieldsOf(schema: JsonObject, prefix = ''): Field[] {
  const properties = objectIn(schema, 'properties');
  const required = namesIn(schema['required']);
  return Object.entries(properties).flatMap(([name, field]) => {
    if (!isJsonObject(field)) return [];
    const path = `${prefix}${name}`;
    const ofItems = fieldsOf(objectIn(field, 'items'), `${path}[].`);
    return [{ path, field, required: required.includes(name) }, ...fieldsOf(field, `${path}.`), ...ofItems];
  });
}

const formats = new Map([
  ['expression', 'expression'],
  ['instant', 'time'],
  ['http-url', 'URL'],
  ['uuid', 'id'],
  ['cron', 'cron expression'],
  ['time-zone', 'time zone'],
]);
const names = new Map([
  ['string', 'text'],
  ['integer', 'whole number'],
  ['boolean', 'true or false'],
]);

function typeOf(field: JsonObject): string {
  const { type, format, syntax, items } = field;
  if (Array.isArray(field['enum'])) return field['enum'].map((one: Json) => `\`${String(one)}\``).join(', ');
  if ('const' in field) return inline(field['const']);
  if (format === 'code') return `code (${String(syntax)})`;
  if (typeof format === 'string') return formats.get(format) ?? format;
  if (type === 'array') return isJsonObject(items) && Object.keys(items).length > 0 ? `list of ${typeOf(items)}` : 'list';
  const types = namesIn(type);
  return types.length === 0 ? 'anything' : types.map((one) => names.get(one) ?? one).join(' or ');
}

function descriptionOf(field: JsonObject): string {
  const { description, deferred, literal, handle, examples } = field;
  const parts = [
    typeof description === 'string' ? description : '',
    limitsOf(field),
    deferred === true ? 'Evaluated anew for each item or event.' : '',
    literal === true && handle !== true ? 'Written out: no template.' : '',
    handle === true ? 'Written out: a handle of the node.' : '',
    typeof handle === 'string' ? `Set, it adds the handle \`${handle}\`.` : '',
    Array.isArray(examples) && examples.length > 0 ? `E.g. ${examples.map(inline).join(', ')}.` : '',
  ];
  return parts.filter((part) => part !== '').join(' ');
}

function limitsOf(field: JsonObject): string {
  const { description, minLength, maxLength, bytesMax } = field;
  const isSaid = typeof description === 'string' && typeof bytesMax === 'number' && description.includes(String(bytesMax));
  const parts = [
    between(field['minimum'], field['maximum'], ''),
    between(typeof minLength === 'number' && minLength > 1 ? minLength : undefined, maxLength, ' characters'),
    between(undefined, isSaid ? undefined : bytesMax, ' bytes'),
    between(field['minItems'], field['maxItems'], ' items'),
    between(field['minProperties'], field['maxProperties'], ' fields'),
  ];
  const limits = parts.filter((part) => part !== '').join(', ');
  return limits === '' ? '' : `${limits[0]?.toUpperCase() ?? ''}${limits.slice(1)}.`;
}

function between(least: Json | undefined, most: Json | undefined, unit: string): string {
  if (typeof least !== 'number' && typeof most !== 'number') return '';
  // The unit stands in the singular where the number asks for it.
  const of = (count: number) => `${grouped(count)}${count === 1 ? unit.replace(/s$/, '') : unit}`;
  if (typeof least === 'number' && typeof most === 'number') return `${grouped(least)} to ${of(most)}`;
  return typeof most === 'number' ? `at most ${of(most)}` : `at least ${of(Number(least))}`;
}

/** 31 622 400 000, with spaces that do not break. */
const grouped = (count: number): string => (count >= 10_000 ? String(count).replaceAll(/\B(?=(\d{3})+$)/g, '\u00a0') : String(count));

/** Of `oneOf`, `anyOf`, `not` and `if`, as far as they speak of fields that must be there. */
function rulesOf(schema: JsonObject): string[] {
  const alternatives = (keyword: string) => listIn(schema[keyword]).flatMap((one) => (isJsonObject(one) ? [all(one['required'])] : []));
  const [one, some] = [alternatives('oneOf'), alternatives('anyOf')];
  const not = all(objectIn(schema, 'not')['required']);
  return [
    ...(one.length > 0 ? [`Exactly one of ${listed(one)}.`] : []),
    ...(some.length > 0 ? [`At least one of ${listed(some)}.`] : []),
    ...(not === '' ? [] : [`Not ${not} together.`]),
    ...conditionIn(schema),
    ...fieldsOf(schema).flatMap(({ path, field }) =>
      rulesOf(objectIn(field, 'items')).map((rule) => `In each of \`${path}\`: ${lowered(rule)}`),
    ),
  ];
}

function conditionIn(schema: JsonObject): string[] {
  const needed = all(objectIn(schema, 'then')['required']);
  const given = Object.entries(objectIn(objectIn(schema, 'if'), 'properties')).flatMap(([name, field]) =>
    isJsonObject(field) && 'const' in field ? [`\`${name}\` is ${inline(field['const'])}`] : [],
  );
  return needed === '' || given.length === 0 ? [] : [`${needed} is needed when ${given.join(' and ')}.`];
}

const listed = (names: readonly string[]): string => new Intl.ListFormat('en').format(names);
const lowered = (sentence: string): string => `${sentence[0]?.toLowerCase() ?? ''}${sentence.slice(1)}`;
const all = (required: Json | undefined): string =>
  namesIn(required)
    .map((name) => `\`${name}\``)
    .join(' and ');

const inline = (value: Json | undefined): string => (value === undefined ? '' : `\`${JSON.stringify(value)}\``);
const listIn = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);
const namesIn = (value: Json | undefined): string[] => (typeof value === 'string' ? [value] : listIn(value).map(String));

function objectIn(value: JsonObject, name: string): JsonObject {
  const part = value[name];
  return isJsonObject(part) ? part : {};
}
