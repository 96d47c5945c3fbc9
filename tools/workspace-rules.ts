/** What an import names: a package (`@sluice/kernel`, `node:fs`), or a path that leads out of the project. */
export interface Import {
  readonly file: string;
  readonly from: string;
  /** Stands in a spec or under e2e/. */
  readonly test: boolean;
}

export interface Project {
  readonly name: string;
  readonly tags: readonly string[];
  /** The workspace's projects in the dependencies of its package.json. */
  readonly declared: readonly string[];
  /** Those in the references of its tsconfig.json. */
  readonly referenced: readonly string[];
  readonly imports: readonly Import[];
}

export interface Workspace {
  readonly projects: readonly Project[];
  /** As Nx sees them: from the sources, specs too, and from package.json. */
  readonly edges: readonly { readonly source: string; readonly target: string }[];
  /** What `tsc -b` at the root builds. */
  readonly built: readonly string[];
}

/** What a project of a type may import, by type. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  pure: ['pure'],
  contracts: ['pure'],
  client: [],
  platform: ['platform', 'contracts', 'pure'],
  write: ['write', 'platform', 'contracts', 'pure'],
  read: ['read', 'platform', 'contracts', 'pure'],
  app: ['app', 'client', 'write', 'read', 'platform', 'contracts', 'pure'],
  testing: ['testing', 'app', 'client', 'write', 'read', 'platform', 'contracts', 'pure'],
};

/** Write projects import downwards; upwards they speak events. */
const writeScopes = ['executions', 'webhooks', 'workflows', 'channels', 'tenancy'];

const bannedInPure = [/^@nestjs\//, /^typeorm$/, /^pg$/, /^bullmq$/, /^ioredis$/];
const allowedInContracts = [/^@sluice\//, /^node:/, /^class-validator$/, /^class-transformer$/, /^@nestjs\/swagger$/];

/** Every way in which the workspace breaks its rules, one sentence each; empty when it keeps them. */
export function violations({ projects, edges, built }: Workspace): string[] {
  const byName = new Map(projects.map((project) => [project.name, project]));
  const known = edges.flatMap(({ source, target }) => {
    const [from, to] = [byName.get(source), byName.get(target)];
    return from !== undefined && to !== undefined ? [{ from, to }] : [];
  });
  return [
    ...projects.flatMap(tagViolations),
    ...projects
      .filter(({ name }) => !built.includes(name))
      .map(({ name }) => `${name} is not among the references of the root's tsconfig.json.`),
    ...known.flatMap(({ from, to }) => edgeViolations(from, to)),
    ...cycles(projects, known),
    ...projects.flatMap((project) => querySideViolations(project, known)),
    ...projects.flatMap((project) => importViolations(project, byName)),
    ...projects.flatMap(declarationViolations),
  ];
}

interface Edge {
  readonly from: Project;
  readonly to: Project;
}

const tagged = ({ tags }: Project, kind: string) =>
  tags.filter((tag) => tag.startsWith(`${kind}:`)).map((tag) => tag.slice(kind.length + 1));
const typeOf = (project: Project) => tagged(project, 'type')[0] ?? '';
const scopeOf = (project: Project) => tagged(project, 'scope')[0] ?? '';

function tagViolations(project: Project): string[] {
  const types = tagged(project, 'type');
  const typed = types.length === 1 && Object.hasOwn(mayImport, typeOf(project));
  const scoped = tagged(project, 'scope').length === 1;
  return [
    ...(typed ? [] : [`${project.name} needs one type: of ${Object.keys(mayImport).join(', ')}; it has ${types.join(', ') || 'none'}.`]),
    ...(scoped ? [] : [`${project.name} needs one scope.`]),
  ];
}

function edgeViolations(from: Project, to: Project): string[] {
  const [fromType, toType] = [typeOf(from), typeOf(to)];
  if (toType === 'testing') return []; // which file imports it is what counts: importViolations
  if (!(mayImport[fromType] ?? []).includes(toType)) return [`${from.name} (${fromType}) may not import ${to.name} (${toType}).`];
  if (fromType === 'write' && toType === 'write' && writeScopes.indexOf(scopeOf(from)) > writeScopes.indexOf(scopeOf(to))) {
    return [`${from.name} may not import ${to.name}: ${scopeOf(to)} lies above ${scopeOf(from)}.`];
  }
  return [];
}

/** Nx runs no task in a graph with a cycle, not even in one that a spec closes. */
function cycles(projects: readonly Project[], edges: readonly Edge[]): string[] {
  const found = new Map<string, string>();
  for (const project of projects) {
    const way = wayTo(project, (target) => target === project, edges);
    const members = [...new Set(way)].toSorted().join();
    if (way !== undefined && !found.has(members)) found.set(members, `There is a cycle: ${way.join(' → ')}.`);
  }
  return [...found.values()];
}

function querySideViolations(project: Project, edges: readonly Edge[]): string[] {
  if (!project.tags.includes('side:query')) return [];
  const way = wayTo(
    project,
    (target) => typeOf(target) === 'write',
    edges.filter(({ to }) => typeOf(to) !== 'testing'),
  );
  return way === undefined ? [] : [`${project.name} is on the query side and reaches the write side: ${way.join(' → ')}.`];
}

/** The names on a shortest way from a project over at least one edge. */
function wayTo(start: Project, isGoal: (project: Project) => boolean, edges: readonly Edge[]): string[] | undefined {
  const ways = [{ at: start, names: [start.name] }];
  const seen = new Set<Project>();
  for (const { at, names } of ways) {
    for (const { to } of edges.filter(({ from }) => from === at)) {
      if (isGoal(to)) return [...names, to.name];
      if (seen.has(to)) continue;
      seen.add(to);
      ways.push({ at: to, names: [...names, to.name] });
    }
  }
  return undefined;
}

function importViolations(project: Project, byName: ReadonlyMap<string, Project>): string[] {
  const type = typeOf(project);
  return project.imports.flatMap(({ file, from, test }) => {
    const target = byName.get(from);
    if (from.startsWith('.')) return [`${file} imports ${from}: other projects are imported by name.`];
    if (from.startsWith('@sluice/') && target === undefined) return [`${file} imports ${from}, which is no project.`];
    if (target !== undefined && typeOf(target) === 'testing' && type !== 'testing' && !test) {
      return [`${file} imports ${from}: that is for specs alone.`];
    }
    if (type === 'pure' && bannedInPure.some((banned) => banned.test(from))) {
      return [`${file} imports ${from}, but ${project.name} is pure.`];
    }
    if (type === 'client' && !test) return [`${file} imports ${from}: the client does without.`];
    if (type === 'contracts' && !test && !allowedInContracts.some((allowed) => allowed.test(from))) {
      return [`${file} imports ${from}: contracts do without.`];
    }
    return [];
  });
}

/** What is declared, built before and imported is the same; specs need no declaration. */
function declarationViolations({ name, declared, referenced, imports }: Project): string[] {
  const bySources = imports.filter(({ from, test }) => !test && from.startsWith('@sluice/'));
  const imported = [...new Set(bySources.map(({ from }) => from))];
  const missing = (wanted: readonly string[], there: readonly string[]) => wanted.filter((one) => !there.includes(one));
  return [
    ...missing(imported, declared).map((one) => `${name} imports ${one}: its package.json does not depend on it.`),
    ...missing(declared, imported).map((one) => `${name} depends on ${one} in its package.json, but does not import it.`),
    ...missing(imported, referenced).map((one) => `${name} imports ${one}: its tsconfig.json does not refer to it.`),
    ...missing(referenced, imported).map((one) => `${name} refers to ${one} in its tsconfig.json, but does not import it.`),
  ];
}
