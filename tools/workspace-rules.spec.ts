import { type Import, type Project, violations, type Workspace } from './workspace-rules.ts';

interface Plan {
  tags: string;
  imports?: string[];
  files?: Partial<Import>[];
}

/** A workspace in which every project declares exactly what its sources import. */
function workspaceOf(plans: Record<string, Plan>): Workspace {
  const projects = Object.entries(plans).map(([name, { tags, imports = [], files = [] }]): Project => {
    const projectImports = imports.map((target) => `@sluice/${target}`);
    return {
      name: `@sluice/${name}`,
      tags: ['npm:private', ...tags.split(' ')],
      declared: projectImports,
      referenced: projectImports,
      imports: [
        ...projectImports.map((from) => ({ file: `${name}.ts`, from, test: false })),
        ...files.map((file) => ({ file: `${name}.ts`, from: '', test: false, ...file })),
      ],
    };
  });
  return {
    projects,
    edges: projects.flatMap(({ name, imports }) =>
      imports.filter(({ from }) => from.startsWith('@sluice/')).map(({ from }) => ({ source: name, target: from })),
    ),
    built: projects.map(({ name }) => name),
  };
}

const sound: Record<string, Plan> = {
  kernel: { tags: 'type:pure scope:kernel', files: [{ from: 'node:crypto' }] },
  engine: { tags: 'type:pure scope:engine', imports: ['kernel'], files: [{ from: '@sluice/testing', test: true }] },
  contracts: {
    tags: 'type:contracts scope:contracts',
    imports: ['engine'],
    files: [{ from: 'class-validator' }, { from: '@nestjs/swagger' }],
  },
  client: { tags: 'type:client scope:client' },
  http: { tags: 'type:platform scope:http', imports: ['contracts', 'kernel'], files: [{ from: '@nestjs/common' }] },
  'channels-write': { tags: 'type:write scope:channels', imports: ['http', 'kernel'] },
  'executions-write': { tags: 'type:write scope:executions', imports: ['channels-write', 'engine'] },
  'executions-read': { tags: 'type:read scope:executions', imports: ['http', 'contracts'] },
  'query-api': { tags: 'type:app scope:query-api side:query', imports: ['executions-read'] },
  worker: { tags: 'type:app scope:worker', imports: ['executions-write'] },
  testing: { tags: 'type:testing scope:testing', imports: ['kernel', 'client'] },
};

/** The sound workspace with one project planned otherwise. */
const withPlan = (name: string, plan: Partial<Plan>) =>
  violations(workspaceOf({ ...sound, [name]: { tags: 'type:pure scope:new', ...sound[name], ...plan } }));

it('finds nothing wrong with a sound workspace', () => expect(violations(workspaceOf(sound))).toEqual([]));

it.each([
  ['engine', 'http', '(pure) may not import @sluice/http (platform)'],
  ['engine', 'contracts', '(pure) may not import @sluice/contracts (contracts)'],
  ['contracts', 'http', '(contracts) may not import @sluice/http (platform)'],
  ['http', 'channels-write', '(platform) may not import @sluice/channels-write (write)'],
  ['http', 'executions-read', '(platform) may not import @sluice/executions-read (read)'],
  ['executions-write', 'executions-read', '(write) may not import @sluice/executions-read (read)'],
  ['executions-read', 'executions-write', '(read) may not import @sluice/executions-write (write)'],
  ['client', 'contracts', '(client) may not import @sluice/contracts (contracts)'],
  ['http', 'client', '(platform) may not import @sluice/client (client)'],
  ['executions-write', 'worker', '(write) may not import @sluice/worker (app)'],
  ['channels-write', 'executions-write', 'executions lies above channels'],
])('keeps %s from importing %s', (name, target, message) => {
  expect(withPlan(name, { imports: [target] })).toContainEqual(expect.stringContaining(message));
});

it('lets each write scope import those below and none above it', () => {
  const order = ['executions', 'webhooks', 'workflows', 'channels', 'tenancy'];
  const between = (from: string, to: string) =>
    violations(workspaceOf({ a: { tags: `type:write scope:${from}`, imports: ['b'] }, b: { tags: `type:write scope:${to}` } }));
  for (const [index, from] of order.entries()) {
    for (const [other, to] of order.entries()) expect(between(from, to)).toHaveLength(other < index ? 1 : 0);
  }
});

it('keeps the query side from the write side, however long the way', () => {
  const way = { imports: ['executions-read', 'worker'] };
  expect(withPlan('query-api', way)).toEqual([
    '@sluice/query-api is on the query side and reaches the write side: @sluice/query-api → @sluice/worker → @sluice/executions-write.',
  ]);
});

it.each(['@nestjs/common', 'typeorm', 'pg', 'bullmq', 'ioredis'])('keeps %s out of pure projects, their specs too', (from) => {
  for (const test of [false, true]) {
    expect(withPlan('kernel', { files: [{ from, test }] })).toEqual([`kernel.ts imports ${from}, but @sluice/kernel is pure.`]);
  }
});

it('keeps contracts to validation and documentation', () => {
  expect(withPlan('contracts', { files: [{ from: '@nestjs/common' }] })).toEqual([
    'contracts.ts imports @nestjs/common: contracts do without.',
  ]);
});

it('keeps the client free of anything that a browser would have to load with it', () => {
  expect(withPlan('client', { files: [{ from: 'undici' }, { from: 'node:crypto' }] })).toEqual([
    'client.ts imports undici: the client does without.',
    'client.ts imports node:crypto: the client does without.',
  ]);
});

it('keeps the testing library to specs', () => {
  expect(withPlan('http', { files: [{ from: '@sluice/testing' }] })).toContain('http.ts imports @sluice/testing: that is for specs alone.');
});

it('finds a way out of the project by path, and a project that does not exist', () => {
  expect(withPlan('http', { files: [{ from: '../../engine/src/advance.js' }] })).toHaveLength(1);
  expect(withPlan('http', { files: [{ from: '@sluice/nowhere', test: true }] })).toEqual([
    'http.ts imports @sluice/nowhere, which is no project.',
  ]);
});

it('finds a cycle, also one that a spec closes', () => {
  expect(withPlan('kernel', { files: [{ from: '@sluice/testing', test: true }] })).toEqual([
    'There is a cycle: @sluice/kernel → @sluice/testing → @sluice/kernel.',
  ]);
});

it('wants package.json, tsconfig.json and the sources to agree', () => {
  const { projects, ...rest } = workspaceOf(sound);
  const changed = (change: Partial<Project>) =>
    violations({ ...rest, projects: projects.map((project) => (project.name === '@sluice/engine' ? { ...project, ...change } : project)) });

  expect(changed({ declared: [] })).toEqual(['@sluice/engine imports @sluice/kernel: its package.json does not depend on it.']);
  expect(changed({ referenced: [] })).toEqual(['@sluice/engine imports @sluice/kernel: its tsconfig.json does not refer to it.']);
  expect(changed({ imports: [] })).toEqual([
    '@sluice/engine depends on @sluice/kernel in its package.json, but does not import it.',
    '@sluice/engine refers to @sluice/kernel in its tsconfig.json, but does not import it.',
  ]);
});

it('wants one known type, one scope and a place in the build', () => {
  expect(withPlan('new', { tags: 'type:odd scope:new' })).toEqual([expect.stringContaining('@sluice/new needs one type')]);
  expect(withPlan('new', { tags: 'type:pure' })).toEqual(['@sluice/new needs one scope.']);
  expect(
    violations({
      ...workspaceOf(sound),
      built: Object.keys(sound)
        .slice(1)
        .map((name) => `@sluice/${name}`),
    }),
  ).toEqual(["@sluice/kernel is not among the references of the root's tsconfig.json."]);
});
