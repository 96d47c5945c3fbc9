import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface RedisBinary {
  readonly path: string;
  /** Where its libraries lie, when they are not the system's. */
  readonly libraryPath?: string;
}

const systemPackageManagers = [
  ['apt-get', 'install', '-y', 'redis-server'],
  ['dnf', 'install', '-y', 'redis'],
  ['apk', 'add', 'redis'],
] as const;

/** On the PATH, else in the cache folder, else brought: Debian's packages unpacked without root, or the system's package manager. */
export function redisBinary(log: (line: string) => void): RedisBinary {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sluice', `redis-${process.arch}`);
  const found = onPath('redis-server') ?? unpacked(cache);
  if (found !== undefined) return found;

  log('There is no redis-server here: it is being fetched.');
  if (onPath('apt-get') && onPath('dpkg-deb')) attempt(() => unpackDebian(cache));
  const brought = unpacked(cache);
  if (brought !== undefined) return brought;

  const [manager, ...args] = systemPackageManagers.find(([name]) => onPath(name)) ?? [];
  if (manager !== undefined && process.getuid?.() === 0) attempt(() => execFileSync(manager, args, { stdio: 'ignore' }));
  const installed = onPath('redis-server');
  if (installed !== undefined) return installed;

  throw new Error('No redis-server was found or could be fetched: install Redis 7 (apt, dnf, apk, brew: redis), or set REDIS_URL.');
}

function onPath(name: string): RedisBinary | undefined {
  const path = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
  return path === undefined ? undefined : { path };
}

function unpacked(cache: string): RedisBinary | undefined {
  const path = join(cache, 'usr', 'bin', 'redis-server');
  if (!existsSync(path)) return undefined;
  const lib = join(cache, 'usr', 'lib');
  const below = readdirSync(lib, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const folders = [lib, ...below.map(({ name }) => join(lib, name))];
  return { path, libraryPath: folders.join(delimiter) };
}

/** Unpacked aside and renamed: two processes that do it at once do not see half of it. */
function unpackDebian(cache: string): void {
  const aside = `${cache}.${process.pid}`;
  const apt = ['lists/partial', 'archives/partial'].map((folder) => join(aside, 'apt', folder));
  for (const folder of apt) mkdirSync(folder, { recursive: true });
  const options = [
    `Dir::State::Lists=${join(aside, 'apt', 'lists')}`,
    `Dir::Cache=${join(aside, 'apt')}`,
    'APT::Sandbox::User=root', // as root, apt would download as a user who cannot write here
  ].flatMap((option) => ['-o', option]);
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, { cwd: aside, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

  try {
    run('apt-get', ...options, 'update');
    const packages = ['redis-server', 'redis-tools'];
    run('apt-get', ...options, 'download', ...packages, ...libraries(run('apt-cache', ...options, 'depends', ...packages)));
    for (const name of readdirSync(aside).filter((file) => file.endsWith('.deb'))) run('dpkg-deb', '-x', name, '.');
    for (const name of readdirSync(aside)) if (name === 'apt' || name.endsWith('.deb')) rmSync(join(aside, name), { recursive: true });
    renameSync(aside, cache);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/** The libraries among a package's dependencies; the C library has to stay the system's. */
function libraries(depends: string): string[] {
  const names = Array.from(depends.matchAll(/^ {2}Depends: ((?:lib|lua)\S+)/gm), ([, name = '']) => name);
  return [...new Set(names)].filter((name) => name !== 'libc6');
}

/** Whether it worked shows in what is there afterwards. */
function attempt(bring: () => unknown): void {
  try {
    bring();
  } catch {
    // the next way is tried
  }
}
