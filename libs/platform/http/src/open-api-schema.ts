import type { OpenAPIObject } from '@nestjs/swagger';

type Schemas = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>;
export type Schema = Schemas[string];
type Inline = Exclude<Schema, { $ref: string }>;

const isReference = (schema: Schema): schema is Extract<Schema, { $ref: string }> => '$ref' in schema;

/** What @nestjs/swagger writes in the manner of OpenAPI 3.0, as JSON Schema 2020-12: `nullable` and `example` are not of it. */
export function modernSchema(schema: Schema): Schema {
  if (isReference(schema)) return schema;
  const { nullable, example, items, properties, additionalProperties, allOf, anyOf, oneOf, ...rest } = schema;
  const modern: Inline = {
    ...rest,
    ...(example !== undefined && { examples: [example] }),
    ...(items !== undefined && { items: modernSchema(items) }),
    ...(properties !== undefined && { properties: mapValues(properties, modernSchema) }),
    ...(additionalProperties !== undefined && {
      additionalProperties: typeof additionalProperties === 'boolean' ? additionalProperties : modernSchema(additionalProperties),
    }),
    ...(allOf !== undefined && { allOf: allOf.map(modernSchema) }),
    ...(anyOf !== undefined && { anyOf: anyOf.map(modernSchema) }),
    ...(oneOf !== undefined && { oneOf: oneOf.map(modernSchema) }),
  };
  if (isAnyJson(modern)) delete modern.type;
  return nullable === true ? orNull(modern) : modern;
}

/** `Json` leaves no more than `Object` to reflection; what is an object says what is in it, were it anything. */
const isAnyJson = ({ type, properties, additionalProperties, allOf, anyOf, oneOf }: Inline): boolean =>
  type === 'object' && [properties, additionalProperties, allOf, anyOf, oneOf].every((part) => part === undefined);

function orNull({ allOf, type, enum: values, ...rest }: Inline): Inline {
  if (allOf !== undefined) return { ...rest, anyOf: [...allOf, { type: 'null' }] };
  return {
    ...rest,
    ...(type !== undefined && { type: [type, 'null'].flat() }),
    ...(values !== undefined && { enum: [...values, null] }),
  };
}

export const mapValues = <From, To>(record: Readonly<Record<string, From>>, map: (value: From, key: string) => To): Record<string, To> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));

const uuid = '01a20957-91ab-7c30-8f5e-3d2b4c0a9f3e';
const time = '2026-11-23T12:00:00.000Z';

/** For properties that give no example themselves. */
const wellKnown: Readonly<Record<string, unknown>> = {
  name: 'Answer price questions',
  description: 'Looks up what is asked for, and answers.',
  tags: 'shop',
  source: 'message',
  target: 'lookup',
  sourceHandle: 'default',
  nodeId: 'lookup',
  entryNodeId: 'message',
  createdBy: `key:${uuid}`,
  by: `key:${uuid}`,
  correlationId: uuid,
  customerId: '9001',
  accountId: '17841465550001234',
  externalAccountId: '17841465550001234',
  dedupeKey: 'instagram:17841465550001234:message:m_1',
  endpoint: `/webhooks/${uuid}/instagram/message`,
  key: 'slk_7f3a90c1_d2VsbCwgdGhpcyBpcyBub3QgYSBrZXk',
  message: 'What happened, in a sentence.',
};

/** A value of the schema, put together from what it says: examples, defaults, the first of an enumeration, formats. */
export function exampleOf(schema: Schema, schemas: Readonly<Schemas>, property = ''): unknown {
  if (isReference(schema)) {
    const target = schemas[schema.$ref.slice('#/components/schemas/'.length)];
    return target === undefined ? {} : exampleOf(target, schemas, property);
  }
  const { examples, default: initial, enum: values, type, format, items, properties = {}, allOf, anyOf, oneOf } = schema;
  if (Array.isArray(examples) && examples.length > 0) return examples[0];
  if (initial !== undefined) return initial;
  if (values !== undefined) return values[0];
  const [variant] = oneOf ?? anyOf ?? [];
  if (variant !== undefined) return exampleOf(variant, schemas, property);
  if (allOf !== undefined) return Object.assign({}, ...allOf.map((part) => exampleOf(part, schemas, property)));
  const [kind] = [type ?? []].flat();
  switch (kind) {
    case 'string':
      if (format === 'uuid') return uuid;
      if (format === 'date-time') return time;
      return wellKnown[property] ?? 'text';
    case 'integer':
    case 'number':
      return Math.max(1, schema.minimum ?? 1);
    case 'boolean':
      return true;
    case 'array':
      return items === undefined ? [] : [exampleOf(items, schemas, property)];
    case 'object':
      return mapValues(properties, (member, name) => exampleOf(member, schemas, name));
    default:
      return { text: 'What is the price?' };
  }
}
