import { cpSync, globSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

interface Manifest {
  readonly name: string;
  readonly workspaces?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
}

const root = resolve(import.meta.dirname, '..');

const manifestOf = (project: string): Manifest => JSON.parse(readFileSync(join(root, project, 'package.json'), 'utf8'));

/** What Node runs: no types, source maps, build information, and nothing of what failpoints can do in a test. */
const isRun = (path: string) => !/\.(d\.ts|map|tsbuildinfo)$|failpoints\/dist\/(?!index\.js)/.test(path);

/** A project and every project that it needs, itself first. */
function closure(project: string): string[] {
  const folders = (manifestOf('.').workspaces ?? []).flatMap((pattern) => globSync(`${pattern}/package.json`, { cwd: root })).map(dirname);
  const byName = new Map(folders.map((folder) => [manifestOf(folder).name, folder]));
  const found = new Set([project]);
  for (const each of found) {
    for (const name of Object.keys(manifestOf(each).dependencies ?? {})) {
      const folder = byName.get(name);
      if (folder !== undefined) found.add(folder);
    }
  }
  return [...found];
}

/** Copies a built project and those it needs into an image's folder, laid out as here and linked as npm links them. */
function collect(project: string, into: string): void {
  const links = join(into, 'node_modules', '@sluice');
  mkdirSync(links, { recursive: true });
  cpSync(join(root, 'package.json'), join(into, 'package.json'));
  for (const folder of closure(project)) {
    for (const part of ['package.json', 'dist']) {
      cpSync(join(root, folder, part), join(into, folder, part), { recursive: true, filter: isRun });
    }
    symlinkSync(relative(links, join(into, folder)), join(links, manifestOf(folder).name.replace('@sluice/', '')));
  }
}

const [project, into] = process.argv.slice(2);
if (project === undefined || into === undefined) throw new Error('node docker/collect.ts <project> <folder>');
collect(project, resolve(into));
