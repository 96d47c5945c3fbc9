import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { type Import, type Project, violations } from './workspace-rules.ts';

/** Reads the workspace as Nx, npm and TypeScript see it and holds it against the rules (`workspace-rules.ts`). */
const root = resolve(import.meta.dirname, '..');

interface NxGraph {
  graph: {
    nodes: Record<string, { data: { root: string; tags?: string[] } }>;
    dependencies: Record<string, { source: string; target: string }[]>;
  };
}

interface References {
  references?: { path: string }[];
}

const json = (file: string) => JSON.parse(readFileSync(file, 'utf8'));

function nxGraph(): NxGraph['graph'] {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-graph-'));
  const file = join(folder, 'graph.json');
  try {
    execFileSync(process.execPath, [join(root, 'node_modules', 'nx', 'dist', 'bin', 'nx.js'), 'graph', `--file=${file}`], {
      cwd: root,
      env: { ...process.env, NX_DAEMON: 'false' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const { graph }: NxGraph = json(file);
    return graph;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const { nodes, dependencies } = nxGraph();
const roots = new Map(Object.entries(nodes).map(([name, { data }]) => [resolve(root, data.root), name]));

function referencesOf(folder: string): string[] {
  const { references = [] }: References = json(join(folder, 'tsconfig.json'));
  return references.map(({ path }) => roots.get(resolve(folder, path)) ?? path);
}

function importsOf(folder: string): Import[] {
  return globSync('{src,e2e}/**/*.ts', { cwd: folder }).flatMap((name) => {
    const file = join(folder, name);
    const test = name.endsWith('.spec.ts') || name.startsWith('e2e/');
    return ts
      .preProcessFile(readFileSync(file, 'utf8'))
      .importedFiles.map(({ fileName }) => packageOrWayOut(folder, file, fileName))
      .flatMap((from) => (from === undefined ? [] : [{ file: relative(root, file), from, test }]));
  });
}

function packageOrWayOut(folder: string, file: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  return relative(folder, resolve(file, '..', specifier)).startsWith('..') ? specifier : undefined;
}

const projects = Object.entries(nodes).map(([name, { data }]): Project => {
  const folder = resolve(root, data.root);
  const { dependencies: declared = {} }: { dependencies?: Record<string, string> } = json(join(folder, 'package.json'));
  return {
    name,
    tags: data.tags ?? [],
    declared: Object.keys(declared).filter((dependency) => dependency.startsWith('@sluice/')),
    referenced: referencesOf(folder),
    imports: importsOf(folder),
  };
});
const edges = Object.values(dependencies).flat();

const found = violations({ projects, edges, built: referencesOf(root) });
for (const violation of found) console.error(violation);
console.log(`${projects.length} projects, ${edges.length} edges, ${found.length} violations of the workspace's rules.`);
process.exitCode = found.length > 0 ? 1 : 0;
