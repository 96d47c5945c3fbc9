import { chmodSync, existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '@sluice/platform-database';
import { type EmbeddedPostgres, type Redis as RedisServer, startEmbeddedPostgres, startRedis } from '@sluice/platform-local-servers';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { parseAllDocuments } from 'yaml';

const root = join(import.meta.dirname, '..');
const textOf = (path: string) => readFileSync(join(root, path), 'utf8');
const password = (name: string) => `password-of-${name}`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-deploy-'));
  chmodSync(folder, 0o755); // as root, Postgres runs as another user
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the SQL that makes logins and databases', () => {
  let postgres: EmbeddedPostgres;

  const login = (name: string, database: 'sluice_command' | 'sluice_query') => {
    const url = new URL(postgres.url(database));
    url.username = `sluice_login_${name}`;
    url.password = password(name);
    return url.href;
  };

  async function query(url: string, sql: string, role?: string): Promise<pg.QueryResult> {
    const client = new pg.Client({ connectionString: url, ...(role !== undefined && { options: `-c role=${role}` }) });
    await client.connect();
    try {
      return await client.query(sql);
    } finally {
      await client.end();
    }
  }

  /** As psql runs it: `\getenv` names the passwords, `:'name'` quotes them. */
  async function run(path: string, database: string): Promise<void> {
    const sql = textOf(path)
      .replace(/^\\.*$|--.*$/gm, '')
      .replace(/:'(\w+)_password'/g, (_, name: string) => pg.escapeLiteral(password(name)));
    // A statement at a time, as databases cannot be made within a transaction; what stands between $$ holds semicolons of its own.
    const statements = sql.match(/(?:\$\$[^]*?\$\$|[^;$])+;/g) ?? [];
    const client = new pg.Client(postgres.url(database));
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  }

  beforeAll(async () => {
    postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), settings: { fsync: 'off' } });
    await run('docker/postgres/1-logins.sql', 'postgres');
    await run('docker/postgres/2-databases.sql', 'postgres');
    await migrate({ commandUrl: login('migrate', 'sluice_command'), queryUrl: login('migrate', 'sluice_query') });
    await run('k8s/overlays/production/autoscaler.sql', 'sluice_command');
  }, 60_000);
  afterAll(() => postgres.stop());

  it('may run again, to change passwords', async () => {
    await run('docker/postgres/1-logins.sql', 'postgres');
    await run('k8s/overlays/production/autoscaler.sql', 'sluice_command');
  });

  it('migrates with a login that is no superuser', async () => {
    const roles = `SELECT rolname FROM pg_roles WHERE rolname LIKE 'sluice%'`;
    const mighty = `${roles} AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls)`;
    expect((await query(postgres.url('postgres'), roles)).rows.length).toBe(12);
    expect((await query(postgres.url('postgres'), mighty)).rows).toEqual([]);
  });

  it('lets each login into the stores it needs, as its role and as no other', async () => {
    const allowed: string[] = [];
    for (const name of ['webhook_gateway', 'command_api', 'execution_worker', 'projector', 'query_api']) {
      for (const database of ['sluice_command', 'sluice_query'] as const) {
        for (const role of ['sluice_owner', 'sluice_service', 'sluice_api', 'sluice_projector', 'sluice_read']) {
          await query(login(name, database), 'SELECT 1', role).then(
            () => allowed.push(`${name}: ${role} of ${database}`),
            () => {},
          );
        }
      }
    }
    expect(allowed).toEqual([
      'webhook_gateway: sluice_service of sluice_command',
      'command_api: sluice_api of sluice_command',
      'execution_worker: sluice_service of sluice_command',
      'projector: sluice_projector of sluice_command',
      'projector: sluice_projector of sluice_query',
      'query_api: sluice_read of sluice_query',
    ]);
  });

  it('gives a login nothing before it has taken its role', async () => {
    await expect(query(login('execution_worker', 'sluice_command'), 'SELECT 1 FROM tasks')).rejects.toThrow('permission denied');
  });

  it('shows the autoscaler how many tasks of all tenants wait, how long, and nothing more', async () => {
    const autoscaler = login('autoscaler', 'sluice_command');
    const documents = parseAllDocuments(textOf('k8s/overlays/production/autoscaling.yaml'));
    const [ready = '', oldest = ''] = documents.flatMap((document): string[] => {
      const { kind, spec } = document.toJS();
      return kind === 'ScaledObject' ? spec.triggers.map(({ metadata }: { metadata: { query: string } }) => metadata.query) : [];
    });
    const number = async (sql: string) => Number(Object.values((await query(autoscaler, sql)).rows[0])[0]);
    const numbers = () => Promise.all([number(ready), number(oldest)]);
    expect(await numbers()).toEqual([0, 0]);

    const task = (after: string) => `(gen_random_uuid(), 'step', gen_random_uuid(), now() ${after})`;
    const tasks = [task(`- interval '1 minute'`), task(''), task(`+ interval '1 hour'`)].join();
    const insert = `INSERT INTO tasks (tenant_id, kind, execution_id, run_after) VALUES ${tasks}`;
    await query(login('execution_worker', 'sluice_command'), insert, 'sluice_service');
    const [waiting, seconds] = await numbers();
    expect(waiting).toBe(2);
    expect(Math.round(Number(seconds) / 10)).toBe(6);

    for (const sql of ['SELECT tenant_id FROM tasks', 'SELECT 1 FROM domain_events', 'DELETE FROM tasks', 'SET ROLE sluice_service']) {
      await expect(query(autoscaler, sql)).rejects.toThrow(/permission denied|read-only transaction/);
    }
  });
});

describe('the access list of Redis', () => {
  let server: RedisServer;
  const users = ['webhook-gateway', 'command-api', 'execution-worker', 'projector', 'query-api'];
  const ticketIssuers = ['webhook-gateway', 'command-api', 'execution-worker'];

  const as = (user: string) => {
    const url = new URL(server.url);
    url.username = user;
    url.password = password(user);
    return new Redis(url.href, { maxRetriesPerRequest: null });
  };

  beforeAll(async () => {
    server = await startRedis({ dir: join(folder, 'redis') });
    const admin = new Redis(server.url);
    // As start.sh does it: the name of a user, in capitals, stands for the hash of its password.
    for (const line of textOf('docker/redis/users.acl').trim().split('\n').reverse()) {
      const [, name = '', ...rules] = line.split(' ');
      const hash = createHash('sha256').update(password(name)).digest('hex');
      await admin.call('ACL', 'SETUSER', name, 'reset', ...rules.map((rule) => rule.replace(/^#[A-Z_]+$/, `#${hash}`)));
    }
    admin.disconnect();
  }, 60_000);
  afterAll(() => server.stop());

  it('lets tickets through, from those who issue them to the worker', async () => {
    const options = { prefix: '{sluice}', skipVersionCheck: true };
    const connections = [...ticketIssuers, 'execution-worker'].map(as);
    const [workersOwn, ...issuers] = connections.toReversed();
    if (workersOwn === undefined) throw new Error('no connection');
    const done: string[] = [];
    const worker = new Worker('workflow-node-execution', async ({ name }) => void done.push(name), { ...options, connection: workersOwn });
    const queues = issuers.map((connection) => new Queue('workflow-node-execution', { ...options, connection }));
    try {
      const ticket = (n: number) => ({ name: `ticket ${n}`, data: {}, opts: { jobId: `t${n}-1`, removeOnComplete: { count: 10 } } });
      await Promise.all(queues.map((queue, n) => queue.addBulk([ticket(n)])));
      while (done.length < queues.length) await new Promise((resolve) => worker.once('completed', resolve));
      expect(done.sort()).toEqual(['ticket 0', 'ticket 1', 'ticket 2']);
    } finally {
      await worker.close();
      for (const queue of queues) await queue.close();
      for (const connection of connections) connection.disconnect();
    }
  });

  it('lets notifications through, from the writers to the projector to query-api', async () => {
    const heard: string[] = [];
    const [projector, reader] = [as('projector'), as('query-api')];
    for (const redis of [projector, reader]) redis.on('message', (channel) => heard.push(channel));
    await projector.subscribe('domain-events.appended');
    await reader.subscribe('projection.advanced');
    const senders = [...ticketIssuers, 'projector'].map(as);
    try {
      for (const [n, redis] of senders.entries()) {
        expect(await redis.publish(n < ticketIssuers.length ? 'domain-events.appended' : 'projection.advanced', '{}')).toBe(1);
      }
      while (heard.length < 4) await new Promise((resolve) => setTimeout(resolve, 5));
    } finally {
      for (const redis of [projector, reader, ...senders]) redis.disconnect();
    }
  });

  it.each(['webhook-gateway', 'command-api', 'query-api'])('lets the counts of %s’s limits through', async (user) => {
    const redis = as(user);
    const script = `redis.call('HSET', KEYS[1], ARGV[1], 1) redis.call('PEXPIRE', KEYS[1], 1000) return redis.call('HGETALL', KEYS[1])`;
    try {
      expect(await redis.eval(script, 1, `{sluice}:rates:requests/${user}:1`, user)).toEqual([user, '1']);
    } finally {
      redis.disconnect();
    }
  });

  it.each(users)('keeps %s from what is not its business', async (user) => {
    const redis = as(user);
    const commands = ['FLUSHALL', 'FLUSHDB', 'CONFIG GET *', 'ACL LIST', 'KEYS *', 'SHUTDOWN'];
    commands.push('GET other', 'SUBSCRIBE other', 'PUBLISH other x');
    if (!ticketIssuers.includes(user)) commands.push('GET {sluice}:keeper');
    try {
      for (const line of commands) {
        const [command = '', ...args] = line.split(' ');
        await expect(redis.call(command, ...args)).rejects.toThrow('NOPERM');
      }
    } finally {
      redis.disconnect();
    }
  });

  it('knows nobody without a password', async () => {
    const redis = new Redis(server.url, { retryStrategy: () => null, enableReadyCheck: false });
    await expect(redis.get('x')).rejects.toThrow('NOAUTH');
    redis.disconnect();
  });
});

describe('what goes into an image', () => {
  const collected = (project: string) => {
    const into = mkdtempSync(join(folder, 'image-'));
    execFileSync(process.execPath, [join(root, 'docker', 'collect.ts'), project, into]);
    return into;
  };

  const apps = ['webhook-gateway', 'command-api', 'query-api', 'execution-worker', 'projector'];

  it.each(apps)('holds %s, built, and all that it imports', (app) => {
    const into = collected(`apps/${app}`);
    expect(existsSync(join(into, 'apps', app, 'dist', 'main.js'))).toBe(true);
    expect(globSync('**/{src,*.d.ts,*.map,*.spec.js}', { cwd: into })).toEqual([]);
    const missing = globSync('{apps,libs}/**/*.js', { cwd: into })
      .flatMap((file) => [...readFileSync(join(into, file), 'utf8').matchAll(/from '(@sluice\/[\w-]+)'/g)].map(([, name = '']) => name))
      .filter((name) => !existsSync(join(into, 'node_modules', name, 'dist', 'index.js')));
    expect(missing).toEqual([]);
  });

  it('holds no code that writes commands in the images of the query side, and no local server in any', () => {
    const projects = (app: string) => readdirSync(join(collected(`apps/${app}`), 'node_modules', '@sluice'));
    for (const app of ['query-api', 'projector']) expect(projects(app).filter((name) => name.endsWith('-write'))).toEqual([]);
    for (const app of ['webhook-gateway', 'command-api', 'execution-worker']) expect(projects(app)).not.toContain('platform-local-servers');
  });
});
