import type { OpenAPIObject } from '@nestjs/swagger';
import { problemCatalogue, type ProblemEntry } from '@sluice/contracts';
import { components, problemOf } from './open-api-components.js';
import { operationIdOf } from './open-api-operation-id.js';
import { exampleOf, mapValues, modernSchema, type Schema } from './open-api-schema.js';

type PathItem = OpenAPIObject['paths'][string];
type Operation = NonNullable<PathItem['get']>;
type Parameter = NonNullable<Operation['parameters']>[number];
type Response = Exclude<Operation['responses'][string], undefined | { $ref: string }>;
type Content = NonNullable<Response['content']>;
type Schemas = Record<string, Schema>;

interface Route {
  readonly path: string;
  readonly method: (typeof methods)[number];
  readonly operation: Operation;
}

const methods = ['get', 'put', 'post', 'delete', 'patch'] as const;
const catalogue = Object.entries<ProblemEntry>(problemCatalogue);

/**
 * Adds to what @nestjs/swagger finds on the routes all that follows from how every route works: ids, headers, examples, and the
 * problems that its credential, its path, its body and its method can lead to. Sorted, so that it changes only with the routes.
 */
export function completeDocument(document: OpenAPIObject): OpenAPIObject {
  const schemas = mapValues(document.components?.schemas ?? {}, modernSchema);
  const routes = Object.entries(document.paths)
    .flatMap(([path, item]) => methods.flatMap((method) => (item[method] === undefined ? [] : [{ path, method, operation: item[method] }])))
    .toSorted((one, other) => (`${one.path} ${one.method}` < `${other.path} ${other.method}` ? -1 : 1));
  for (const { operation } of routes) {
    const body = bodyReferenceOf(operation);
    if (body !== undefined) schemas[body] = withTenantId(schemas[body]);
  }
  const complete = routes.map((route) => ({ ...route, operation: completed(route, schemas) }));
  const ids = complete.map(({ operation }) => operation.operationId ?? '');
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw new Error(`two routes are the operation ${twice}`);

  const paths: OpenAPIObject['paths'] = {};
  for (const { path, method, operation } of complete) paths[path] = { ...paths[path], [method]: operation };
  const codes = new Set(complete.flatMap(({ operation }) => codesIn(operation)));
  return {
    ...document,
    tags: [...new Set(ids.map(tagOf))].sort().map((name) => ({ name })),
    paths,
    components: {
      ...document.components,
      ...components,
      schemas: sorted({ ...schemas, ...components.schemas }),
      examples: Object.fromEntries(catalogue.filter(([code]) => codes.has(code)).map(exampleOfProblem)),
    },
  };
}

function completed(route: Route, schemas: Schemas): Operation {
  const { method, operation } = route;
  const operationId = operationIdOf(route);
  // A viewer changes nothing, whatever the method.
  const isCommand = operation.security !== undefined && method !== 'get' && extensionOf(operation, 'x-required-role') !== 'viewer';
  const readsTheLog = takes(operation, 'X-Min-Log-Position');
  const { requestBody: body, parameters = [] } = operation;
  return {
    ...operation,
    operationId,
    tags: [tagOf(operationId)],
    parameters: [
      ...parameters.filter((parameter) => !isCommon(parameter)).map(modernParameter),
      ...(actsInTenant(operation) ? [parameterRef('tenantId')] : []),
      ...(takes(operation, 'If-Match') ? [parameterRef('ifMatch')] : []),
      ...(isCommand ? [parameterRef('idempotencyKey')] : []),
      ...(readsTheLog ? [parameterRef('minLogPosition')] : []),
      parameterRef('correlationId'),
    ],
    ...(body !== undefined &&
      !('$ref' in body) && { requestBody: { ...body, content: mapValues(withExamples(body.content, schemas), withoutTenant) } }),
    responses: { ...successesOf(operation, { isCommand, readsTheLog }, schemas), ...problemsOf(route, operationId, isCommand) },
  };
}

const tagOf = (operationId: string): string => operationId.split('.', 1)[0] ?? '';
const extensionOf = (operation: Operation, name: string): unknown => Reflect.get(operation, name);
const actsInTenant = (operation: Operation) => operation.security !== undefined && extensionOf(operation, 'x-required-role') !== 'platform';
const sorted = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).toSorted(([one], [other]) => (one < other ? -1 : 1)));

// Parameters and bodies ------------------------------------------------------------------------------------------------

const commonNames = new Set<string>(Object.values(components.parameters).map(({ name }) => name));

const parameterRef = (name: keyof typeof components.parameters) => ({ $ref: `#/components/parameters/${name}` });
const isCommon = (parameter: Parameter) => 'name' in parameter && commonNames.has(parameter.name);
const takes = ({ parameters = [] }: Operation, name: string) =>
  parameters.some((parameter) => 'name' in parameter && parameter.name === name);

function modernParameter(parameter: Parameter): Parameter {
  if ('$ref' in parameter || parameter.schema === undefined) return parameter;
  const schema = modernSchema(parameter.schema);
  // Ids in paths: ParseUUIDPipe leaves no trace in the document.
  const isId = parameter.in === 'path' && parameter.name === 'id' && !('$ref' in schema) && schema.format === undefined;
  return { ...parameter, schema: isId ? { ...schema, format: 'uuid' } : schema };
}

function bodyReferenceOf({ requestBody, security }: Operation): string | undefined {
  if (security === undefined || requestBody === undefined || '$ref' in requestBody) return undefined;
  const schema = requestBody.content['application/json']?.schema;
  return schema !== undefined && '$ref' in schema ? schema.$ref.slice('#/components/schemas/'.length) : undefined;
}

/** The guard takes it out of every body before the body's class is asked. */
function withTenantId(schema: Schema | undefined): Schema {
  if (schema === undefined || '$ref' in schema) return schema ?? {};
  const { schema: tenantId, description } = components.parameters.tenantId;
  return { ...schema, properties: { ...schema.properties, tenantId: { ...tenantId, description } } };
}

// Answers --------------------------------------------------------------------------------------------------------------

const withExamples = (content: Content, schemas: Schemas): Content =>
  mapValues(content, (media) => {
    if (media.schema === undefined) return media;
    const schema = modernSchema(media.schema);
    const hasExample = media.example !== undefined || media.examples !== undefined;
    return { ...media, schema, ...(!hasExample && { example: exampleOf(schema, schemas) }) };
  });

/** A credential's own tenant need not be said. */
function withoutTenant(media: Content[string]): Content[string] {
  const { example }: { example?: unknown } = media;
  if (typeof example !== 'object' || example === null || Array.isArray(example)) return media;
  return { ...media, example: Object.fromEntries(Object.entries(example).filter(([name]) => name !== 'tenantId')) };
}

const headerRefs = (...names: (keyof typeof components.headers)[]) =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

function successesOf(operation: Operation, { isCommand, readsTheLog }: { isCommand: boolean; readsTheLog: boolean }, schemas: Schemas) {
  return mapValues(operation.responses, (response, status) => {
    if (response === undefined || '$ref' in response) return response;
    const { content, description } = response;
    const hasRevision = isCommand && Object.values(content ?? {}).some(({ schema }) => revisionIn(schema, schemas));
    return {
      ...response,
      description: description === '' ? (meaningOfStatus[status] ?? 'Done') : description,
      headers: headerRefs(
        'X-Correlation-Id',
        ...(isCommand || readsTheLog ? (['X-Log-Position'] as const) : []),
        ...(isCommand ? (['Idempotent-Replayed'] as const) : []),
        ...(hasRevision ? (['ETag'] as const) : []),
      ),
      ...(content !== undefined && { content: withExamples(content, schemas) }),
    };
  });
}

const meaningOfStatus: Readonly<Record<string, string>> = { 200: 'Done', 201: 'Made', 202: 'Accepted', 204: 'Done; no body' };

function revisionIn(schema: Schema | undefined, schemas: Schemas): boolean {
  if (schema === undefined) return false;
  if ('$ref' in schema) return revisionIn(schemas[schema.$ref.slice('#/components/schemas/'.length)], schemas);
  return schema.properties?.['revision'] !== undefined;
}

const ofCredential = [
  'credential_is_missing',
  'credential_is_invalid',
  'token_names_no_tenant',
  'token_names_no_role',
  'role_is_insufficient',
];

/** What can go wrong on a route: for what its operation lists in the catalogue, and for what every route of its kind has in common. */
function problemsOf({ path, operation }: Route, operationId: string, isCommand: boolean) {
  const params = [...path.matchAll(/([\w-]+)\/\{\w+\}/g)].map(([, collection = '']) => collection.replaceAll('-', '_').replace(/s$/, ''));
  const isSecured = operation.security !== undefined;
  const { requestBody: body, parameters = [] } = operation;
  const hasQuery = parameters.some((parameter) => 'in' in parameter && parameter.in === 'query' && !isCommon(parameter));
  const codes = [
    'malformed_address',
    ...(isSecured ? ofCredential : []),
    ...(actsInTenant(operation) ? ['tenant_is_required', 'tenant_not_found'] : []),
    ...(isSecured && params.length > 0 ? ['malformed_request'] : []),
    ...(isSecured && params[0] !== 'node' ? params.flatMap((thing) => [`${thing}_not_found`, `${params[0]}_${thing}_not_found`]) : []),
    ...(body !== undefined || hasQuery ? ['input_is_invalid'] : []),
    // What providers send stays the bytes that they are.
    ...(path.startsWith('/api/') && body !== undefined ? ['malformed_body', 'body_too_large', 'unsupported_media_type'] : []),
    ...(isCommand ? ['idempotency_key_is_malformed', 'idempotency_key_reused', 'command_is_running'] : []),
    ...(takes(operation, 'cursor') ? ['cursor_is_invalid'] : []),
    ...(takes(operation, 'If-Match') ? ['if_match_is_malformed', 'revision_is_stale'] : []),
    ...(takes(operation, 'X-Min-Log-Position') ? ['log_position_is_malformed'] : []),
    'internal_error',
    'store_unavailable',
  ];
  const entries = catalogue.filter(([code, { at = [] }]) => codes.includes(code) || at.includes(operationId));
  const statuses = [...new Set(entries.map(([, { status }]) => status))].sort();
  const ofStatus = (status: number) => entries.filter(([, entry]) => entry.status === status);
  return Object.fromEntries(statuses.map((status) => [status, problemResponse(status, ofStatus(status))]));
}

const problemResponse = (status: number, entries: readonly (readonly [string, ProblemEntry])[]): Response => ({
  description: entries.map(([code, { title }]) => `\`${code}\`: ${title}.`).join('\n\n'),
  headers: headerRefs(
    'X-Correlation-Id',
    ...(status === 401 ? (['WWW-Authenticate'] as const) : []),
    ...(status === 503 || entries.some(([code]) => code === 'command_is_running') ? (['Retry-After'] as const) : []),
  ),
  content: {
    'application/problem+json': {
      schema: { $ref: '#/components/schemas/Problem' },
      examples: Object.fromEntries(entries.map(([code]) => [code, { $ref: `#/components/examples/${code}` }])),
    },
  },
});

const exampleOfProblem = ([code, entry]: readonly [string, ProblemEntry]) => [
  code,
  { summary: entry.title, value: problemOf(code, entry) },
];

const codesIn = ({ responses }: Operation): string[] =>
  Object.values(responses).flatMap((response) =>
    response === undefined || '$ref' in response ? [] : Object.keys(response.content?.['application/problem+json']?.examples ?? {}),
  );
