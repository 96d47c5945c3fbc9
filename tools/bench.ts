import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, loadavg, platform, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { Api, type Services, startServices } from '@sluice/testing';
import { Redis } from 'ioredis';
import pg from 'pg';
import { BenchTarget, noisyNeighbour } from './bench/noisy.ts';
import { commitsPerSecond, jobsPerSecond } from './bench/raw-limits.ts';
import {
  type BenchResult,
  type BenchRound,
  figures,
  type NoisyBench,
  noisyTable,
  table,
  type WearBench,
  wearTable,
} from './bench/report.ts';
import { idleLatency, loadRound, percentile, type System } from './bench/rounds.ts';
import { wear } from './bench/vacuum.ts';

/**
 * `npm run bench [-- --quick] [--noisy] [--gateways N] [--workers N] [--json] [--cpu-prof]`: what the services do on this machine, beside
 * what its Postgres and Redis give; `--noisy`: what one tenant notices of another one's flood; `--vacuum`: what becomes of the
 * queue's statements when a million tasks have gone through without a vacuum. Exits with 1 when something is lost or
 * wrong, never because it is slow. See docs/benchmarks.md.
 */
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    noisy: { type: 'boolean', default: false },
    vacuum: { type: 'boolean', default: false },
    tasks: { type: 'string', default: '1000000' },
    gateways: { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    'cpu-prof': { type: 'boolean', default: false },
  },
});

const count = (option: 'gateways' | 'workers' | 'tasks') => {
  const number = Number(values[option]);
  if (Number.isInteger(number) && number > 0) return number;
  console.error(`--${option} takes a number from 1 upwards, not ${values[option]}.`);
  process.exit(1);
};

const gateways = count('gateways');
const workers = count('workers');
const tasks = count('tasks');
const sizes = values.quick
  ? { rounds: 3, deliveriesPerRound: 2_000, idleDeliveries: 50, rawCommitsMs: 1_500, rawJobs: 4_000 }
  : { rounds: 5, deliveriesPerRound: 10_000, idleDeliveries: 200, rawCommitsMs: 3_000, rawJobs: 10_000 };
const warmUpDeliveries = 1_000;
const noisySizes = values.quick
  ? { flood: 5_000, everyMs: 100, quietDeliveries: 100 }
  : { flood: 50_000, everyMs: 1_000, quietDeliveries: 60 };

const say = (line: string): void => void (values.json || process.stderr.write(`${line}\n`));
const date = new Date().toISOString();
const resultFile = join(import.meta.dirname, '..', 'bench', 'results', `${date.replaceAll(/[:.]/g, '-')}.json`);
const profiles = resultFile.replace(/\.json$/, '-profiles');
const dataDir = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
chmodSync(dataDir, 0o755); // as root, Postgres runs as another user
const problems: string[] = [];
const platformKey = randomBytes(16).toString('hex');
const target = new BenchTarget();

/** Servers of its own, so that nothing else is measured: whatever the environment names is left out. */
function appEnv(): NodeJS.ProcessEnv {
  const ours = /^(COMMAND_DATABASE_URL|QUERY_DATABASE_URL|REDIS_URL|SLUICE_.*|PORT|PUBLIC_URL|NODE_OPTIONS)$/;
  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name))),
    SLUICE_BOOTSTRAP_PLATFORM_KEY: platformKey,
    OUTBOUND_ALLOW: target.host,
  };
  return values['cpu-prof'] ? { ...env, NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profiles}` } : env;
}

let services: Services | undefined;
const clients: { end(): Promise<unknown> }[] = [];

async function stopAll(): Promise<void> {
  for (const client of clients.splice(0)) await client.end().catch(() => {});
  await services?.stop();
  target.close();
  rmSync(dataDir, { recursive: true, force: true });
}

let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interrupted) process.exit(1); // asked twice: what still runs ends with this process
    interrupted = true;
    void stopAll().finally(() => process.exit(130));
  });
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  await client.connect();
  clients.push(client);
  return client;
}

/** The speed of a system that loses something is worth nothing. */
function mustBeCorrect(measured: { readonly problems: readonly string[] }): void {
  problems.push(...measured.problems);
  if (problems.length > 0) throw new Error('nothing further was measured');
}

/** The services, warm, and what measures them. */
async function start(): Promise<{ readonly system: System; readonly raw: pg.Client; readonly machine: BenchResult['machine'] }> {
  const machine = {
    cores: availableParallelism(),
    model: cpus()[0]?.model.trim() ?? 'unknown',
    platform: `${platform()} ${arch()}`,
    node: process.versions.node,
    loadAverage: loadavg(),
  };
  say('Starting Postgres (fsync on), Redis and the services.');
  await target.listen();
  services = await startServices({
    dataDir,
    env: appEnv(),
    ports: 'free',
    gateways,
    workers,
    postgresSettings: { shared_preload_libraries: 'pg_stat_statements', 'pg_stat_statements.track_utility': 'on' },
    onCrash: (app, how) => problems.push(`${app} ${how}`),
  });
  const command = await connected(services.commandUrl);
  await command.query('CREATE EXTENSION pg_stat_statements');
  await command.query('CREATE DATABASE raw_limits');
  const rawUrl = new URL(services.commandUrl);
  rawUrl.pathname = '/raw_limits';
  const raw = await connected(rawUrl.href);
  const redis = new Redis(services.redisUrl);
  clients.push({ end: () => redis.quit() });
  const { urls } = services;
  const api = new Api({ gateway: urls['webhook-gateway'], command: urls['command-api'], query: urls['query-api'] }, services.apiKey);
  const system: System = { services, api, command, query: await connected(services.queryUrl), postgres: command, redis };

  say(`Warming up with ${warmUpDeliveries} deliveries.`);
  mustBeCorrect(await loadRound(system, 'warm-up', warmUpDeliveries, 'at the same time'));
  return { system, raw, machine };
}

async function measure(): Promise<BenchResult> {
  const { system, raw, machine } = await start();
  const rounds: BenchRound[] = [];
  for (let round = 1; round <= sizes.rounds; round += 1) {
    say(`Round ${round} of ${sizes.rounds}.`);
    const rawCommitsPerSecond = await commitsPerSecond(raw, sizes.rawCommitsMs);
    const rawJobsPerSecond = await jobsPerSecond(system.services.redisUrl, sizes.rawJobs);
    const accepting = await loadRound(system, `round ${round}, accepting`, sizes.deliveriesPerRound, 'afterwards');
    mustBeCorrect(accepting);
    const load = await loadRound(system, `round ${round}`, sizes.deliveriesPerRound, 'at the same time');
    mustBeCorrect(load);
    rounds.push({ rawCommitsPerSecond, rawJobsPerSecond, accepting, load });
  }

  say(`${sizes.idleDeliveries} single deliveries on the idle system.`);
  const idle = await idleLatency(system, sizes.idleDeliveries);
  mustBeCorrect(idle);
  return { date, machine, options: { gateways, workers, deliveriesPerRound: sizes.deliveriesPerRound }, rounds, idle };
}

async function measureNoisy(): Promise<NoisyBench> {
  const { system, machine } = await start();
  say(`A neighbour, quiet and beside a flood of ${noisySizes.flood} deliveries.`);
  const noisy = await noisyNeighbour(system, target, platformKey, noisySizes);
  mustBeCorrect(noisy);
  return { date, machine, options: { gateways, workers }, noisy };
}

async function measureWear(): Promise<WearBench> {
  const { system, machine } = await start();
  const result = await wear(system, { tasks, deliveriesPerRound: Math.min(tasks, sizes.deliveriesPerRound), say });
  mustBeCorrect(result);
  return { date, machine, options: { gateways, workers }, wear: result };
}

function report(result: object, shown: string): void {
  const json = JSON.stringify(result, null, 2);
  mkdirSync(join(resultFile, '..'), { recursive: true });
  writeFileSync(resultFile, `${json}\n`);
  console.log(values.json ? json : `\n${shown}\n\n${relative(process.cwd(), resultFile)}`);
}

try {
  if (values.noisy) {
    const result = await measureNoisy();
    report(result, noisyTable(result));
  } else if (values.vacuum) {
    const result = await measureWear();
    report(result, wearTable(result));
  } else {
    const result = await measure();
    const median = figures(result).map(([name, unit, perRound]) => [`${name.trim()} ${unit}`.trim(), percentile(perRound, 50)]);
    report({ ...result, medians: Object.fromEntries(median) }, table(result));
  }
} catch (error) {
  problems.push(error instanceof Error ? error.message : String(error));
} finally {
  if (!interrupted) await stopAll();
}
if (!interrupted) {
  if (problems.length > 0) console.error(`Not as it must be:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  process.exit(problems.length > 0 ? 1 : 0);
}
