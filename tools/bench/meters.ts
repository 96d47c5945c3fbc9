import type { Redis } from 'ioredis';
import type pg from 'pg';
import type { Services } from '@sluice/testing';
import { cpuSecondsOf, cpuSecondsWithChildren, parentOf } from './processor-time.ts';

/** What the apps have had done between `startMeters` and `stop`. */
export interface Metered {
  /** By process; empty where there is no /proc. */
  readonly cpuSeconds: Readonly<Record<string, number>>;
  readonly sqlRoundTrips: number;
  readonly redisCommands: number;
  /** Those of `redisCommands` that are Lua scripts; what a script calls is counted too. */
  readonly redisScripts: number;
  /** Of the whole cluster, page images included */
  readonly walBytes: number;
  readonly walBytesOf: Readonly<Record<'command' | 'query', number>>;
  /** The dearest first */
  readonly statements: readonly Statement[];
}

export interface Statement {
  readonly role: string;
  readonly store: 'command' | 'query';
  readonly calls: number;
  readonly milliseconds: number;
  readonly walBytes: number;
  readonly text: string;
}

export interface Measured {
  readonly services: Services;
  /** A superuser, who is none of the apps' roles: what it asks does not count as theirs. */
  readonly postgres: pg.Client;
  readonly redis: Redis;
}

const statementsShown = 15;
const statementTextMax = 160;

export async function startMeters(measured: Measured): Promise<{ stop(): Promise<Metered> }> {
  const { services, postgres, redis } = measured;
  const pids = { postgres: await postgresPid(postgres), redis: await redisPid(redis) };
  await postgres.query('SELECT pg_stat_statements_reset()');
  const before = { redis: await redisCalls(redis), wal: await walPosition(postgres), cpu: cpuNow(services, pids) };

  return {
    stop: async () => {
      const cpu = cpuNow(services, pids);
      const walBytes = (await walPosition(postgres)) - before.wal;
      const calls = await redisCalls(redis);
      const statements = await appStatements(postgres);
      const walOf = (store: Statement['store']) => sum(statements.map((statement) => (statement.store === store ? statement.walBytes : 0)));
      return {
        cpuSeconds: Object.fromEntries(Object.entries(cpu).map(([name, seconds]) => [name, seconds - (before.cpu[name] ?? 0)])),
        sqlRoundTrips: sum(statements.map((statement) => statement.calls)),
        redisCommands: sum(Object.values(calls)) - sum(Object.values(before.redis)),
        redisScripts: (calls['evalsha'] ?? 0) - (before.redis['evalsha'] ?? 0),
        walBytes,
        walBytesOf: { command: walOf('command'), query: walOf('query') },
        statements: statements.slice(0, statementsShown),
      };
    },
  };
}

function cpuNow({ processes }: Services, pids: { postgres: number | undefined; redis: number | undefined }): Record<string, number> {
  const seconds = [
    ...processes.map(({ app, pid }) => [app, cpuSecondsOf(pid)] as const),
    ['postgres', pids.postgres === undefined ? undefined : cpuSecondsWithChildren(pids.postgres)] as const,
    ['redis', pids.redis === undefined ? undefined : cpuSecondsOf(pids.redis)] as const,
  ];
  return Object.fromEntries(seconds.flatMap(([name, used]) => (used === undefined ? [] : [[name, used]])));
}

/** A backend's parent. */
async function postgresPid(postgres: pg.Client): Promise<number | undefined> {
  const { rows } = await postgres.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0] === undefined ? undefined : parentOf(rows[0].pid);
}

async function redisPid(redis: Redis): Promise<number | undefined> {
  const [, pid] = /process_id:(\d+)/.exec(await redis.info('server')) ?? [];
  return pid === undefined ? undefined : Number(pid);
}

/** Calls by command, without what the meters themselves ask. */
async function redisCalls(redis: Redis): Promise<Record<string, number>> {
  const lines = (await redis.info('commandstats')).matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
  const calls = Array.from(lines, ([, name = '', count]) => [name, Number(count)] as const);
  return Object.fromEntries(calls.filter(([name]) => name !== 'info'));
}

async function walPosition(postgres: pg.Client): Promise<number> {
  const { rows } = await postgres.query<{ bytes: number }>(`SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 AS bytes`);
  return rows[0]?.bytes ?? 0;
}

/** Statements that the apps' roles sent, the dearest first: one call is one round trip, since no app sends a second before the answer. */
async function appStatements(postgres: pg.Client): Promise<Statement[]> {
  const { rows } = await postgres.query<Statement>(
    `SELECT s.userid::regrole::text AS role, CASE WHEN d.datname LIKE '%query' THEN 'query' ELSE 'command' END AS store,
            s.calls::float8 AS calls, s.total_exec_time AS milliseconds, s.wal_bytes::float8 AS "walBytes",
            left(regexp_replace(s.query, '\\s+', ' ', 'g'), $1) AS text
     FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
     WHERE s.userid::regrole::text LIKE 'sluice\\_%' AND s.toplevel
     ORDER BY s.total_exec_time DESC`,
    [statementTextMax],
  );
  return rows;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
