import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { compareReadModels } from '@sluice/platform-projections';
import { projections } from '@sluice/projector';
import { Api, eventually, type Services, startProxy, startServices, type TcpProxy, unsafeTestServers } from '@sluice/testing';
import { Redis } from 'ioredis';
import pg from 'pg';
import { checkInstallation } from '../sluice/checks.ts';
import { type Broken, brokenInvariants } from './invariants.ts';
import { Ledger } from './ledger.ts';
import { Load, type Waiting } from './load.ts';
import type { Random } from './seeded.ts';
import { ChaosPostgres, ChaosRedis, folderOf } from './servers.ts';
import { TargetStub } from './target-stub.ts';
import { type ChaosTenant, makeTenant, secretMarker } from './tenant.ts';

export interface SystemOptions {
  readonly seed: number;
  readonly random: Random;
  readonly gateways?: number;
  readonly workers?: number;
  readonly projectors?: number;
  /** For every app */
  readonly env?: NodeJS.ProcessEnv;
  readonly postgresSettings?: Record<string, string>;
  /** Every line of the apps */
  readonly heard: (line: string) => void;
}

/** Who hears of the apps' lines and ends */
interface Hearing {
  line(app: string, line: string): void;
  crash(app: string, how: string): void;
}

interface Parts {
  readonly options: SystemOptions;
  readonly services: Services;
  readonly postgres: ChaosPostgres;
  readonly redis: ChaosRedis;
  readonly postgresProxy: TcpProxy;
  readonly redisProxy: TcpProxy;
  readonly stub: TargetStub;
  readonly command: pg.Pool;
  readonly query: pg.Pool;
  readonly dataDir: string;
  readonly heard: Hearing;
}

/** Within this all that was begun must be over once the faults are (I14). */
export const quiesceMs = 60_000;
const platformKey = `chaos-${secretMarker}-platform-key`;
const linesKept = 200;
const restartMs = 1_000;
const storeIsAway = /ECONNREFUSED|ECONNRESET|EPIPE|terminat|starting up|shutting down|recovery|not yet accepting|timeout/i;

/** What one process may hold more than at the start: connections to servers that were restarted come back one by one. */
const handlesMore = 40;
const bytesMore = 350 * 1024 * 1024;

/**
 * The five apps as processes, on a Postgres and a Redis of their own behind proxies, with two tenants, a target that they call, and a
 * ledger of all that was sent. One system serves many cases, one after the other.
 */
export class System {
  readonly ledger = new Ledger();
  readonly crashes: string[] = [];
  readonly suspiciousLines: string[] = [];
  readonly lastLines: string[] = [];
  private readonly withoutStore = new Set<string>();
  private stopping = false;
  private readonly turns = new Map<string, Promise<void>>();
  private baseline = new Map<string, { readonly handles: number; readonly bytes: number }>();
  /** Apps whose end with an exit code is meant */
  readonly mayExit = new Set<string>();

  readonly options: SystemOptions;
  readonly services: Services;
  postgres: ChaosPostgres;
  readonly redis: ChaosRedis;
  /** Between the apps and Postgres */
  readonly postgresProxy: TcpProxy;
  readonly redisProxy: TcpProxy;
  readonly stub: TargetStub;
  /** The two stores, past the proxy, as a superuser */
  command: pg.Pool;
  query: pg.Pool;
  readonly load: Load;
  private readonly dataDir: string;
  private readonly heard: Hearing;

  private constructor(parts: Parts) {
    this.options = parts.options;
    this.services = parts.services;
    this.postgres = parts.postgres;
    this.redis = parts.redis;
    this.postgresProxy = parts.postgresProxy;
    this.redisProxy = parts.redisProxy;
    this.stub = parts.stub;
    this.command = parts.command;
    this.query = parts.query;
    this.dataDir = parts.dataDir;
    this.heard = parts.heard;
    const gateways = () => this.services.processes.filter(({ app }) => app.startsWith('webhook-gateway') && !this.outOfRotation.has(app));
    const waiting = async () => {
      const { rows } = await this.command.query<Waiting>(
        `SELECT (SELECT count(*)::int FROM tasks WHERE status <> 'dead') AS tasks, (SELECT count(*)::int FROM turns) AS turns`,
      );
      return rows[0] ?? { tasks: 0, turns: 0 };
    };
    this.load = new Load(this.ledger, () => gateways().map(({ url }) => url), waiting, parts.options.random);
  }

  /** Gateways to which no balancer sends */
  readonly outOfRotation = new Set<string>();
  readonly tenants: ChaosTenant[] = [];
  static async start(options: SystemOptions): Promise<System> {
    const { random, gateways = 2, workers = 2, projectors = 2, postgresSettings = {} } = options;
    const dataDir = mkdtempSync(join(tmpdir(), 'sluice-chaos-'));
    chmodSync(dataDir, 0o755); // as root, Postgres runs as another user
    const postgres = await ChaosPostgres.start(folderOf(dataDir, 'postgres'), { max_connections: '200', ...postgresSettings });
    const redis = await ChaosRedis.start(folderOf(dataDir, 'redis'));
    const stub = await TargetStub.start(random);
    const postgresProxy = await startProxy({ target: { host: '127.0.0.1', port: postgres.port } });
    const redisProxy = await startProxy({ target: { host: '127.0.0.1', port: redis.port } });
    for (const database of ['sluice_command', 'sluice_query']) await postgres.ensureDatabase(database);

    const through = (url: string, proxy: TcpProxy) => Object.assign(new URL(url), { port: String(proxy.port) }).href;
    const heard: Hearing = { line: () => {}, crash: () => {} };
    const ours = /^(COMMAND_DATABASE_URL|QUERY_DATABASE_URL|REDIS_URL|SLUICE_.*|PORT|PUBLIC_URL|NODE_OPTIONS|FAILPOINTS)$/;
    const services = await startServices({
      dataDir,
      ports: 'free',
      gateways,
      workers,
      projectors,
      nodeArguments: [
        '--conditions=sluice-failpoints',
        ...['shifted-clock.ts', 'fault-wrappers.ts'].flatMap((file) => ['--import', pathToFileURL(join(import.meta.dirname, file)).href]),
      ],
      env: {
        ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name))),
        ...unsafeTestServers,
        LOG_LEVEL: 'info',
        OUTBOUND_ALLOW: stub.host,
        COMMAND_DATABASE_URL: through(postgres.url('sluice_command'), postgresProxy),
        QUERY_DATABASE_URL: through(postgres.url('sluice_query'), postgresProxy),
        REDIS_URL: through(redis.url, redisProxy),
        SLUICE_BOOTSTRAP_PLATFORM_KEY: platformKey,
        ...options.env,
      },
      log: (line) => heard.line(line.slice(0, line.indexOf(' |')), line),
      onCrash: (app, how) => heard.crash(app, how),
    });
    const system = new System({
      options,
      services,
      postgres,
      redis,
      postgresProxy,
      redisProxy,
      stub,
      command: poolOf(postgres, 'sluice_command'),
      query: poolOf(postgres, 'sluice_query'),
      dataDir,
      heard,
    });
    await system.prepare();
    return system;
  }

  private async prepare(): Promise<void> {
    this.heard.crash = (app, how) => {
      // Without its store an app does not start; whoever runs it starts it again.
      if (this.withoutStore.delete(app)) {
        setTimeout(() => this.pidOf(app) === undefined && !this.stopping && this.services.launch(app), restartMs);
        return;
      }
      if (!how.includes('SIGKILL') && !this.mayExit.has(app)) this.crashes.push(`${app} ${how}: ${this.lastLines.slice(-3).join(' ')}`);
    };
    this.heard.line = (app, line) => {
      this.options.heard(line);
      if (line.includes('"msg":"cannot start"') && storeIsAway.test(line)) this.withoutStore.add(app);
      this.lastLines.push(line);
      if (this.lastLines.length > linesKept) this.lastLines.shift();
      const strangers = this.tenants.filter(({ marker }) => line.includes(marker));
      const stranger = strangers.find(({ id }) => line.includes('"tenantId":"') && !line.includes(id));
      if (line.includes(secretMarker) || line.includes('nobody heard it') || stranger !== undefined) this.suspiciousLines.push(line);
    };
    const { urls, apiKey, tenantId } = this.services;
    const apiOf = (key: string) =>
      new Api({ gateway: urls['webhook-gateway'], command: urls['command-api'], query: urls['query-api'] }, key);
    this.tenants.push(await makeTenant(apiOf(apiKey), tenantId, 'a', this.stub.host));
    const other = await apiOf(platformKey).made<{ id: string; key: string }>('/api/tenants', { name: 'other' });
    this.tenants.push(await makeTenant(apiOf(other.key), other.id, 'b', this.stub.host));
    // Ready, warm, and what a process holds then.
    await this.load.sendAll(this.tenants.flatMap((tenant) => this.load.make(tenant, 30)));
    await this.quiesce();
    for (const { app } of this.services.processes) this.baseline.set(app, await this.heldBy(app));
  }

  /** Where Redis keeps its files */
  get redisFolder(): string {
    return folderOf(this.dataDir, 'redis');
  }

  get apps(): readonly string[] {
    return this.services.processes.map(({ app }) => app);
  }

  pidOf(app: string): number | undefined {
    return this.services.processes.find((process) => process.app === app)?.pid;
  }

  /** Starts an app anew with these failpoints. */
  async withFailpoints(app: string, failpoints: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
    if (this.pidOf(app) !== undefined) await this.services.kill(app, 'SIGTERM');
    await this.services.restart(app, { ...env, FAILPOINTS: failpoints });
  }

  async kill9(app: string): Promise<void> {
    if (this.pidOf(app) !== undefined) await this.services.kill(app, 'SIGKILL');
  }

  signal(app: string, signal: 'SIGSTOP' | 'SIGCONT'): void {
    const pid = this.pidOf(app);
    if (pid !== undefined) process.kill(pid, signal);
  }

  /** Waits until an app has ended by itself. */
  async ended(app: string, withinMs = 30_000): Promise<void> {
    await eventually(() => this.pidOf(app) === undefined, { timeoutMs: withinMs }).catch(() => {
      throw new Error(`${app} still runs after ${withinMs} ms: its failpoint was not reached`);
    });
  }

  /** One after the other with whatever else is done to the same server. */
  alone(server: 'postgres' | 'redis', work: () => Promise<void>): Promise<void> {
    const done = (this.turns.get(server) ?? Promise.resolve()).then(work);
    this.turns.set(
      server,
      done.catch(() => {}),
    );
    return done;
  }

  async flushRedis(): Promise<void> {
    await this.onRedis((redis) => redis.flushall());
  }

  async onRedis<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis(this.redis.url, { maxRetriesPerRequest: 1, retryStrategy: () => null });
    redis.on('error', () => {});
    try {
      return await work(redis);
    } finally {
      redis.disconnect();
    }
  }

  /** The apps and the checks reach another server from now on, under the same addresses. */
  useDatabaseServer(postgres: ChaosPostgres): void {
    this.postgres = postgres;
    this.postgresProxy.retarget({ host: '127.0.0.1', port: postgres.port });
    for (const pool of [this.command, this.query]) void pool.end().catch(() => {});
    this.command = poolOf(postgres, 'sluice_command');
    this.query = poolOf(postgres, 'sluice_query');
  }

  /** Copies both stores row by row into new databases that take their names. The apps are stopped meanwhile. */
  async moveToNewDatabases(): Promise<void> {
    for (const name of ['sluice_command', 'sluice_query']) await this.postgres.ensureDatabase(`${name}_new`);
    const [commandUrl, queryUrl] = ['sluice_command_new', 'sluice_query_new'].map((name) => this.postgres.url(name));
    const env = { ...process.env, COMMAND_DATABASE_URL: commandUrl, QUERY_DATABASE_URL: queryUrl };
    await promisify(execFile)(process.execPath, [join(import.meta.dirname, '..', 'migrate.ts')], { env });
    for (const name of ['sluice_command', 'sluice_query']) {
      await copyDatabase(this.postgres.url(name), this.postgres.url(`${name}_new`));
      const server = new pg.Client(this.postgres.url('postgres'));
      await server.connect();
      await server.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, [name]);
      await server.query(`ALTER DATABASE ${name} RENAME TO ${name}_old`);
      await server.query(`ALTER DATABASE ${name}_new RENAME TO ${name}`);
      await server.end();
    }
  }

  /** No more faults: everything runs, without failpoints, and is ready. */
  async heal(): Promise<void> {
    const { services, postgresProxy, redisProxy, stub } = this;
    for (const { app } of services.processes) this.signal(app, 'SIGCONT');
    stub.troubled = 0;
    stub.release();
    for (const proxy of [postgresProxy, redisProxy]) {
      proxy.set({ latencyMs: 0, bytesPerSecond: undefined, swallow: false });
      proxy.refuse(false);
      proxy.cutWhen(undefined);
    }
    const all = Object.keys(services.urls);
    for (const app of all) if (this.pidOf(app) === undefined) services.launch(app);
    await Promise.all(all.map((app) => services.ready(app)));
  }

  /** Returns how long it took until nothing was left to do: every task gone, every commit projected. Throws what is still there. */
  async quiesce(withinMs = quiesceMs): Promise<number> {
    const began = Date.now();
    await eventually(
      async () => {
        await this.settleDoubts();
        const { rows: tasks } = await this.command.query(
          `SELECT kind, status, count(*)::int AS n, min(run_after) AS earliest, max(crashes) AS crashes FROM tasks WHERE status <> 'dead' AND run_after < 'infinity' GROUP BY 1, 2`,
        );
        const { rows: open } = await this.command.query(
          `SELECT (SELECT count(*)::int FROM timers) AS timers, (SELECT count(*)::int FROM turns) AS turns,
                  (SELECT count(*)::int FROM workflow_executions WHERE status IN ('running', 'waiting')) AS runs`,
        );
        const { rows: head } = await this.command.query('SELECT sequence_commits(), (SELECT last FROM event_head) AS last');
        const { rows: shown } = await this.query.query('SELECT min(position) AS position FROM projection_checkpoints');
        const { timers, turns, runs } = open[0];
        if (tasks.length > 0 || timers > 0 || turns > 0 || runs > 0 || Number(head[0].last) !== Number(shown[0].position)) {
          throw new Error(`still to do: ${JSON.stringify({ tasks, timers, turns, runs, head: head[0].last, shown: shown[0].position })}`);
        }
      },
      { timeoutMs: withinMs, everyMs: 200 },
    );
    return Date.now() - began;
  }

  /** A person decides about what nobody knows, by what the target saw. */
  private async settleDoubts(): Promise<void> {
    const { rows } = await this.command.query<{ tenant_id: string; execution_id: string; effect_key: string; place: string }>(
      `SELECT f.tenant_id, f.execution_id, f.effect_key, concat_ws('/', nullif(f.iteration, ''), f.node_id) AS place FROM effects f
       JOIN node_executions n ON n.tenant_id = f.tenant_id AND n.workflow_execution_id = f.execution_id AND n.node_id = f.node_id AND n.iteration = f.iteration
       WHERE f.state = 'in_doubt' AND n.status = 'in_doubt'`,
    );
    for (const { tenant_id: tenantId, execution_id: executionId, effect_key: key, place } of rows) {
      const tenant = this.tenants.find(({ id }) => id === tenantId);
      const outcome = this.stub.timesOf(key) > 0 ? 'sent' : 'not_sent';
      await tenant?.api.call('POST', `/api/executions/${executionId}/effects/${encodeURIComponent(place)}/resolve`, { outcome });
    }
  }

  /** Faults are over, nothing is left to do: what is broken. */
  async check(): Promise<Broken[]> {
    const broken = await brokenInvariants({ ...this.evidence(), leaks: await this.leaks() });
    const { postgres, redis } = this;
    const stores = { commandUrl: postgres.url('sluice_command'), queryUrl: postgres.url('sluice_query'), redisUrl: redis.url, full: true };
    const ailing = (await checkInstallation(stores)).filter(({ state }) => state === 'wrong' || state === 'unknown');
    return [...broken, ...ailing.map(({ name, says }) => ({ id: 'doctor', what: name, rows: [says] }))];
  }

  /** Read models that are not what a fresh rebuild makes of the log (I9). */
  async unlikeTheLog(): Promise<Broken[]> {
    const stores = { commandUrl: this.postgres.url('sluice_command'), queryUrl: this.postgres.url('sluice_query') };
    const rows = await compareReadModels(stores, projections);
    return rows.length === 0 ? [] : [{ id: 'I9', what: 'read models that a rebuild makes otherwise', rows }];
  }

  private evidence() {
    const { ledger, stub, tenants, command, query, crashes, suspiciousLines } = this;
    return { ledger, stub, tenants, command, query, crashes, suspiciousLines, redisDump: () => this.redisDump() };
  }

  private redisDump(): Promise<string[]> {
    return this.onRedis(async (redis) => {
      const found: string[] = [];
      for (const key of await redis.keys('*')) {
        const type = await redis.type(key);
        const value =
          type === 'string'
            ? await redis.get(key)
            : type === 'hash'
              ? await redis.hgetall(key)
              : type === 'list'
                ? await redis.lrange(key, 0, -1)
                : type === 'zset'
                  ? await redis.zrange(key, 0, -1)
                  : type === 'set'
                    ? await redis.smembers(key)
                    : type === 'stream'
                      ? await redis.xrange(key, '-', '+')
                      : type;
        found.push(`${key} ${JSON.stringify(value)}`);
      }
      return found;
    });
  }

  private async heldBy(app: string): Promise<{ readonly handles: number; readonly bytes: number }> {
    const text = await (await fetch(`${this.services.urls[app]}/metrics`)).text();
    const valueOf = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
    return { handles: valueOf('nodejs_active_handles_total'), bytes: valueOf('process_resident_memory_bytes') };
  }

  private async leaks(): Promise<string[]> {
    const found: string[] = [];
    for (const app of this.apps) {
      const before = this.baseline.get(app);
      const now = await this.heldBy(app);
      if (before === undefined) continue;
      if (now.handles > before.handles + handlesMore) found.push(`${app} holds ${now.handles} handles, ${before.handles} at the start`);
      if (now.bytes > before.bytes + bytesMore) found.push(`${app} has ${now.bytes} bytes in memory, ${before.bytes} at the start`);
    }
    return found;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    for (const { app } of this.services.processes) this.signal(app, 'SIGCONT');
    await this.load.close();
    await this.command.end().catch(() => {});
    await this.query.end().catch(() => {});
    this.stub.stop();
    await this.services.stop().catch(() => {});
    await this.postgresProxy.stop();
    await this.redisProxy.stop();
    await this.redis.kill().catch(() => {});
    await this.postgres.stop('fast').catch(() => {});
    rmSync(this.postgres.dataFolder, { recursive: true, force: true });
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

function poolOf(postgres: ChaosPostgres, database: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: postgres.url(database), max: 4 });
  pool.on('error', () => {}); // the server is restarted under it
  return pool;
}

/** Every row and every sequence, by values and not by files: what a logical dump keeps. */
async function copyDatabase(from: string, to: string): Promise<void> {
  const [source, target] = [new pg.Client(from), new pg.Client(to)];
  await Promise.all([source.connect(), target.connect()]);
  await target.query(`SET session_replication_role = replica`);
  const { rows: tables } = await source.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace AND relname !~ '_migrations$'`,
  );
  for (const { name } of tables) {
    await target.query(`TRUNCATE ${name} CASCADE`);
    const { rows } = await source.query(`SELECT coalesce(json_agg(t), '[]')::text AS rows FROM ${name} t`);
    await target.query(`INSERT INTO ${name} OVERRIDING SYSTEM VALUE SELECT * FROM json_populate_recordset(NULL::${name}, $1)`, [
      rows[0].rows,
    ]);
  }
  const { rows: sequences } = await source.query(
    `SELECT sequencename AS name, last_value AS last FROM pg_sequences WHERE last_value IS NOT NULL`,
  );
  for (const { name, last } of sequences) await target.query('SELECT setval($1::regclass, $2)', [name, last]);
  await Promise.all([source.end(), target.end()]);
}
