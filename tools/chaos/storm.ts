import { setTimeout as sleep } from 'node:timers/promises';
import { between, pick, type Random } from './seeded.ts';
import type { System } from './system.ts';

/** One thing that happens to the system, at its time since the storm began. */
export interface Strike {
  readonly atMs: number;
  readonly what: keyof typeof strikes;
  readonly app?: string;
  readonly ms: number;
}

/** Leases are 30 s long: who stands still for longer has lost them. */
const pastLeaseMs = 33_000;

const workers = ['execution-worker', 'execution-worker-2', 'execution-worker-3'];
const all = ['webhook-gateway', 'webhook-gateway-2', 'command-api', 'query-api', 'projector', 'projector-2', ...workers, ...workers];

const commit = (chunk: Buffer): boolean => chunk.includes('COMMIT');

/** What each does, and how often it is taken compared with the others. `ms` is its length, where it has one. */
const strikes = {
  'kill -9': {
    weight: 8,
    who: all,
    ms: [100, 2_000],
    do: async (system, { app = '', ms }) => {
      await system.kill9(app);
      await sleep(ms);
      if (system.pidOf(app) === undefined) system.services.launch(app);
    },
  },
  'kill -9, and back with calls that fail before or after they are done': {
    weight: 3,
    who: all,
    ms: [4_000, 8_000],
    do: async (system, { app = '', ms }) => {
      await system.kill9(app);
      if (system.pidOf(app) === undefined) system.services.launch(app, { FAULTS: 'postgres=0.02,redis=0.02', FAULTS_SEED: String(ms) });
      await sleep(ms);
      await system.kill9(app);
      if (system.pidOf(app) === undefined) system.services.launch(app);
    },
  },
  'stand still': {
    weight: 2,
    who: [...workers, 'projector', 'projector-2', 'webhook-gateway'],
    ms: [500, 4_000],
    do: async (system, { app = '', ms }) => {
      system.signal(app, 'SIGSTOP');
      await sleep(ms);
      system.signal(app, 'SIGCONT');
    },
  },
  'stand still past the lease': {
    weight: 1,
    who: workers,
    ms: [pastLeaseMs, pastLeaseMs + 4_000],
    do: async (system, { app = '', ms }) => {
      system.signal(app, 'SIGSTOP');
      await sleep(ms);
      system.signal(app, 'SIGCONT');
    },
  },
  FLUSHALL: { weight: 3, ms: [0, 0], do: (system) => system.flushRedis().catch(() => {}) },
  'Redis is killed and comes back empty': {
    weight: 2,
    ms: [0, 4_000],
    do: (system, { ms }) =>
      system.alone('redis', async () => {
        await system.redis.kill();
        await sleep(ms);
        await system.redis.start();
      }),
  },
  'Redis swallows everything': {
    weight: 1,
    ms: [3_000, 15_000],
    do: async (system, { ms }) => {
      system.redisProxy.set({ swallow: true });
      await sleep(ms);
      system.redisProxy.set({ swallow: false });
    },
  },
  'connections to Redis are cut': { weight: 2, ms: [0, 0], do: (system) => Promise.resolve(system.redisProxy.cut()) },
  'Postgres restarts fast': {
    weight: 2,
    ms: [0, 3_000],
    do: (system, { ms }) =>
      system.alone('postgres', async () => {
        await system.postgres.stop('fast');
        await sleep(ms);
        await system.postgres.start();
      }),
  },
  'Postgres restarts immediately': {
    weight: 1,
    ms: [0, 2_000],
    do: (system, { ms }) =>
      system.alone('postgres', async () => {
        await system.postgres.stop('immediate');
        await sleep(ms);
        await system.postgres.start();
      }),
  },
  'connections to Postgres are cut': { weight: 2, ms: [0, 0], do: (system) => Promise.resolve(system.postgresProxy.cut()) },
  'cut before a COMMIT arrives': { weight: 2, ms: [2_000, 2_000], do: (system, { ms }) => cutAtCommit(system, 'before', ms) },
  'cut after a COMMIT has arrived': { weight: 2, ms: [2_000, 2_000], do: (system, { ms }) => cutAtCommit(system, 'after', ms) },
  'sessions are terminated': {
    weight: 2,
    ms: [0, 0],
    do: async (system) => {
      await system.command
        .query(
          `SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'sluice-%' ORDER BY random() LIMIT 4) a`,
        )
        .catch(() => {});
    },
  },
  'Postgres is far away': {
    weight: 1,
    ms: [1_000, 3_000],
    do: async (system, { ms }) => {
      system.postgresProxy.set({ latencyMs: 40 });
      await sleep(ms);
      system.postgresProxy.set({ latencyMs: 0 });
    },
  },
  'the target is in trouble': {
    weight: 3,
    ms: [2_000, 6_000],
    do: async (system, { ms }) => {
      system.stub.troubled = 0.4;
      await sleep(ms);
      system.stub.troubled = 0.03;
    },
  },
} as const satisfies Record<
  string,
  {
    readonly weight: number;
    readonly who?: readonly string[];
    readonly ms: readonly [number, number];
    do(system: System, strike: Strike): Promise<void>;
  }
>;

async function cutAtCommit(system: System, when: 'before' | 'after', ms: number): Promise<void> {
  system.postgresProxy.cutWhen((chunk) => commit(chunk), when);
  await sleep(ms);
  system.postgresProxy.cutWhen(undefined);
}

/** What happens in these seconds; the same for the same numbers. */
export function strikesOf(random: Random, seconds: number): Strike[] {
  const names = Object.entries(strikes).flatMap(([name, { weight }]) => Array.from({ length: weight }, () => name)) as Strike['what'][];
  const planned: Strike[] = [];
  for (let atMs = between(random, 500, 1_500); atMs < seconds * 1_000; atMs += between(random, 400, 2_500)) {
    const what = pick(random, names);
    const strike = strikes[what];
    const app = 'who' in strike ? pick(random, strike.who) : undefined;
    planned.push({
      atMs: Math.round(atMs),
      what,
      ms: Math.round(between(random, strike.ms[0], strike.ms[1])),
      ...(app !== undefined && { app }),
    });
  }
  return planned;
}

/** Lets it all happen under load. Resolves when the last strike is over and everything runs again. */
export async function storm(system: System, planned: readonly Strike[], log: (line: string) => void): Promise<void> {
  system.stub.troubled = 0.03;
  const load = system.load.begin(system.tenants, { perSecond: 30, conversations: 4 });
  const began = Date.now();
  const underWay: Promise<void>[] = [];
  for (const strike of planned) {
    await sleep(Math.max(0, began + strike.atMs - Date.now()));
    log(
      `${(strike.atMs / 1_000).toFixed(1).padStart(6)} s  ${strike.what}${strike.app === undefined ? '' : ` ${strike.app}`}${strike.ms > 0 ? ` (${strike.ms} ms)` : ''}`,
    );
    underWay.push(strikes[strike.what].do(system, strike));
  }
  await Promise.all(underWay);
  await system.heal();
  await load.stop();
}
