import 'reflect-metadata';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { problemCatalogue, type ProblemEntry } from '@sluice/contracts';
import { type TestDatabase, testDatabase } from '@sluice/testing';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { artefacts } from './openapi/artefacts.ts';

interface Media {
  readonly schema?: object;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value?: object }>>;
}

interface Answer {
  readonly headers?: object;
  readonly content?: Readonly<Record<string, Media>>;
}

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly security?: readonly object[];
  readonly parameters?: readonly { readonly $ref?: string; readonly in?: string; readonly name?: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, Answer>>;
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: object; readonly examples: Readonly<Record<string, { readonly value: object }>> };
}

const root = join(import.meta.dirname, '..');
const textOf = (path: string) => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined);

let stores: TestDatabase;
let served: ReadonlyMap<string, string>;
let documents: Document[];
let operations: { readonly document: Document; readonly path: string; readonly operation: Operation }[];

beforeAll(async () => {
  stores = await testDatabase();
  served = await artefacts(stores);
  documents = ['command-api', 'query-api'].map((api): Document => JSON.parse(served.get(`docs/openapi/${api}.json`) ?? '{}'));
  operations = documents.flatMap((document) =>
    Object.entries(document.paths).flatMap(([path, item]) => Object.values(item).map((operation) => ({ document, path, operation }))),
  );
});
afterAll(() => stores?.drop());

it('docs/openapi, docs/errors.md and the client are what the running apps serve; else: npm run docs:openapi', () => {
  const differing = [...served].filter(([path, text]) => textOf(path) !== text).map(([path]) => path);
  expect({ differing, mend: 'npm run docs:openapi' }).toEqual({ differing: [], mend: 'npm run docs:openapi' });
});

it('each document is valid OpenAPI 3.1', async () => {
  for (const document of documents) {
    expect(document.openapi).toBe('3.1.0');
    expect(await new Validator().validate(JSON.parse(JSON.stringify(document)))).toMatchObject({ valid: true });
  }
});

it('every body and every answer has a schema, and an example that keeps to it', () => {
  for (const { document, operation } of operations) {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'document', ...document });
    const bodies = Object.entries(operation.responses).filter(([status]) => status !== '204');
    const contents = [operation.requestBody?.content ?? {}, ...bodies.map(([, { content }]) => content ?? { missing: {} })];
    const media = contents.flatMap((content) => Object.values(content));
    for (const { schema, example, examples = {} } of media) {
      expect([operation.operationId, typeof schema]).toEqual([operation.operationId, 'object']);
      const named = Object.entries(examples).map(([name, { value }]) => value ?? document.components.examples[name]?.value);
      const validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"document#/components')));
      for (const value of example === undefined ? named : [example]) {
        validate(value);
        expect([operation.operationId, value, validate.errors]).toEqual([operation.operationId, value, null]);
      }
      expect([operation.operationId, example !== undefined || named.length > 0]).toEqual([operation.operationId, true]);
    }
  }
});

it('every answer can be traced, and every operation says its refusals', () => {
  for (const { path, operation } of operations) {
    const { operationId, responses, security = [] } = operation;
    const statuses = Object.keys(responses);
    // Whoever has the link of an approval may: it is signed.
    const isLink = operationId === 'approvals.decide';
    expect([operationId, security.length]).toEqual([operationId, isLink ? 0 : 1]);
    const untraced = Object.values(responses).filter(({ headers = {} }) => !('X-Correlation-Id' in headers));
    expect([operationId, untraced]).toEqual([operationId, []]);
    const ofBody = operation.requestBody === undefined ? [] : ['413', '415'];
    const wanted = ['400', ...(isLink ? [] : ['401', '403']), '500', '503', ...(path.includes('{') ? ['404'] : []), ...ofBody];
    expect([operationId, wanted.filter((status) => !statuses.includes(status))]).toEqual([operationId, []]);
    const absences = Object.keys(responses['404']?.content?.['application/problem+json']?.examples ?? {});
    const ofTenant = absences.filter((code) => code === 'tenant_not_found').length;
    if (path.includes('{') && !path.startsWith('/api/tenants/')) {
      expect([operationId, absences.length > ofTenant]).toEqual([operationId, true]);
    }
  }
});

it('operation ids are one of a kind over both APIs, and the catalogue names only those that exist', () => {
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(ids.toSorted()).toEqual([...new Set(ids)].toSorted());
  const named = Object.values<ProblemEntry>(problemCatalogue).flatMap(({ at = [] }) => at);
  expect(named.filter((id) => !id.startsWith('gateway.') && !ids.includes(id))).toEqual([]);
});
