import { compileExpression, compileTemplate, type Expression, ExpressionFailed, stripExpression, type Template } from '@sluice/expressions';
import { isJsonObject, type Json, type JsonObject } from '@sluice/kernel';
import { isList } from './config-fields.js';
import { joinPath } from './config-schema.js';

/** A text in a config that is evaluated when the node runs. */
export interface ConfigText {
  /** Like `cases[0].when` */
  readonly path: string;
  /** What it sees besides the scope of its node: the node evaluates it itself, perhaps many times. */
  readonly locals: readonly string[];
  /** Throws ExpressionFailed */
  compile(): { readonly paths: readonly (readonly string[])[] };
}

/** Every expression and every text with templates, told apart by the schema. */
export function* textsOf(schema: Json | undefined, value: Json, path = ''): Generator<ConfigText> {
  if (isCode(schema)) return;
  if (typeof value === 'string') {
    const of = { path, locals: localsOf(schema) };
    if (isExpressionField(schema)) yield { ...of, compile: () => compileExpression(stripExpression(value)) };
    else if (value.includes('{{')) yield { ...of, compile: () => compileTemplate(value) };
  } else if (isList(value)) {
    for (const [index, item] of value.entries()) yield* textsOf(itemSchema(schema), item, `${path}[${index}]`);
  } else if (isJsonObject(value)) {
    for (const [name, part] of Object.entries(value)) yield* textsOf(propertySchema(schema, name), part, joinPath(path, name));
  }
}

export interface CompiledConfig {
  /** All of it but the deferred fields, as one template: an expression that was written bare gets its `{{ }}`. */
  readonly template: Template;
  /** Expressions that the node evaluates itself, perhaps many times, by the name of their field */
  readonly deferred: ReadonlyMap<string, Expression>;
  /** Fields that were written and must come to something */
  readonly needed: readonly string[];
}

/** Throws ExpressionFailed */
export function compileConfig(schema: JsonObject, config: JsonObject): CompiledConfig {
  if (isNestedTooDeeply(config))
    throw new ExpressionFailed('expression_syntax', `The config is nested more than ${NESTING_MAX} levels deep`, '');
  const [deferred, atOnce] = partition(Object.entries({ ...defaultsOf(schema), ...config }), ([name]) =>
    isDeferred(propertySchema(schema, name)),
  );
  return {
    template: templateOf(schema, atOnce),
    deferred: new Map(
      deferred.flatMap(([name, source]) =>
        typeof source === 'string' ? [[name, compileExpression(stripExpression(source))] as const] : [],
      ),
    ),
    needed: Object.keys(config).filter((name) => needsValue(propertySchema(schema, name))),
  };
}

/** An expression or template that was left out is its schema's default: one that finds nothing is something else. */
function defaultsOf({ properties }: JsonObject): JsonObject {
  const fields = isJsonObject(properties) ? Object.entries(properties) : [];
  return Object.fromEntries(
    fields.flatMap(([name, field]) => {
      const value = isJsonObject(field) ? field['default'] : undefined;
      return typeof value === 'string' && (isExpressionField(field) || value.includes('{{')) ? [[name, value]] : [];
    }),
  );
}

function partition<T>(list: readonly T[], fits: (item: T) => boolean): [T[], T[]] {
  return [list.filter(fits), list.filter((item) => !fits(item))];
}

const isCode = (schema: Json | undefined): boolean => isJsonObject(schema) && schema['format'] === 'code';

const isDeferred = (schema: Json | undefined): boolean => isJsonObject(schema) && schema['deferred'] === true;

const localsOf = (schema: Json | undefined): readonly string[] => {
  const locals = isJsonObject(schema) ? schema['locals'] : undefined;
  return locals !== undefined && isList(locals) ? locals.map(String) : [];
};

const needsValue = (schema: Json | undefined): boolean => isJsonObject(schema) && schema['needsValue'] === true;

export const NESTING_MAX = 64;

/** Configs are walked by recursion: this one ends, however deep they go. */
export function isNestedTooDeeply(value: Json, levels = NESTING_MAX): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((part: Json) => isNestedTooDeeply(part, levels - 1));
}

function asTemplate(schema: Json | undefined, value: Json): Json {
  if (typeof value === 'string') return isExpressionField(schema) ? `{{ ${compileExpression(stripExpression(value)).source} }}` : value;
  if (isList(value)) return value.map((item) => asTemplate(itemSchema(schema), item));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, asTemplate(propertySchema(schema, name), part)]));
}

const isExpressionField = (schema: Json | undefined): boolean => isJsonObject(schema) && schema['format'] === 'expression';

const itemSchema = (schema: Json | undefined): Json | undefined => (isJsonObject(schema) ? schema['items'] : undefined);

function propertySchema(schema: Json | undefined, name: string): Json | undefined {
  if (!isJsonObject(schema)) return undefined;
  const { properties, additionalProperties } = schema;
  return isJsonObject(properties) && Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
}

/** Code is put beside the template: it is none. */
function templateOf(schema: JsonObject, fields: readonly [string, Json][]): Template {
  const [code, others] = partition(fields, ([name]) => isCode(propertySchema(schema, name)));
  const template = compileTemplate(asTemplate(schema, Object.fromEntries(others)));
  if (code.length === 0) return template;
  const withCode = (value: Json | undefined): Json => ({ ...(isJsonObject(value) ? value : {}), ...Object.fromEntries(code) });
  return {
    ...template,
    evaluate(scope, slow, steps) {
      const value = template.evaluate(scope, slow, steps);
      return value instanceof Promise ? value.then(withCode) : withCode(value);
    },
  };
}
