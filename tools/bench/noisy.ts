import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Api } from '@sluice/testing';
import { Pool } from 'undici';
import { signedDelivery } from './deliveries.ts';
import type { LoadResult } from './load.ts';
import { type MadeTarget, makeTarget, percentile, perSecond, signalBackground, startLoad, type System } from './rounds.ts';

export interface NoisySizes {
  readonly flood: number;
  /** Of the quiet tenant: one delivery each so many milliseconds */
  readonly everyMs: number;
  /** Of the quiet tenant, before the flood */
  readonly quietDeliveries: number;
}

/** From the POST, of the quiet tenant's deliveries that were sent within one part of the measurement. */
export interface NeighbourLatency {
  readonly deliveries: number;
  readonly acknowledgedMs: Spread;
  /** Until its run's call arrived at the target */
  readonly calledMs: Spread;
  /** Until the query store shows its run completed */
  readonly visibleMs: Spread;
}

interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

export interface NoisyResult {
  readonly sizes: NoisySizes;
  /** Runs of the flooding tenant, begun with its whole backlog waiting and nobody else there */
  readonly alonePerSecond: number;
  readonly quiet: NeighbourLatency;
  /** While the flood's deliveries came */
  readonly flooded: NeighbourLatency;
  /** From its last delivery until its last run was over */
  readonly draining: NeighbourLatency;
  readonly flood: {
    readonly acknowledgedPerSecond: number;
    readonly runsPerSecond: number;
    readonly slowCalls: number;
  };
  readonly redisBytes: { readonly before: number; readonly most: number };
  /** Each second of the flood: what Redis uses, and the tasks in Postgres */
  readonly samples: readonly { readonly atMs: number; readonly redisBytes: number; readonly tasks: number }[];
  readonly problems: readonly string[];
}

const floodConnections = 32;
const callEvery = 10;
const slowMs = 1_000;
const overMsMax = 600_000;

/** The outside: answers the flood's calls late, the neighbour's at once, and knows when those came. */
export class BenchTarget {
  readonly arrivedAt = new Map<string, number>();
  slowCalls = 0;
  slowestInFlight = 0;
  private inFlight = 0;
  private readonly server: Server = createServer(({ url = '' }, response) => {
    const answer = () => response.setHeader('content-type', 'application/json').end('{"ok":true}');
    if (url === '/slow') {
      this.slowCalls += 1;
      this.inFlight += 1;
      this.slowestInFlight = Math.max(this.slowestInFlight, this.inFlight);
      setTimeout(() => {
        this.inFlight -= 1;
        answer();
      }, slowMs);
    } else {
      this.arrivedAt.set(url.slice(1), performance.now());
      answer();
    }
  });
  host = '';

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.host = `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** Every tenth message calls a slow target, the others only answer. */
const floodGraph = (host: string) => ({
  nodes: [
    { id: 'message', type: 'trigger.webhook', config: {} },
    { id: 'loud', type: 'logic.if', config: { condition: "trigger.text = 'call'" } },
    { id: 'call', type: 'http.request', config: { url: `http://${host}/slow` } },
    { id: 'answer', type: 'data.set', config: { values: { text: 'Hello, {{ customer.id }}!' } } },
  ],
  edges: [
    { source: 'message', target: 'loud' },
    { source: 'loud', target: 'call', sourceHandle: 'true' },
    { source: 'loud', target: 'answer', sourceHandle: 'false' },
  ],
});
const neighbourGraph = (host: string) => ({
  nodes: [
    { id: 'message', type: 'trigger.webhook', config: {} },
    { id: 'call', type: 'http.request', config: { url: `http://${host}/{{ trigger.text }}` } },
  ],
  edges: [{ source: 'message', target: 'call' }],
});

/** One tenant floods the system, with slow targets behind; another one sends a delivery now and then, as it did when all was quiet. */
export async function noisyNeighbour(system: System, target: BenchTarget, platformKey: string, sizes: NoisySizes): Promise<NoisyResult> {
  const flooding = await tenant(system, platformKey, 'flood');
  const quietTenant = await tenant(system, platformKey, 'neighbour');
  const plain = await makeTarget(flooding, 'alone');
  const loud = await makeTarget(flooding, 'flood', floodGraph(target.host));
  const made = await makeTarget(quietTenant, 'neighbour', neighbourGraph(target.host));
  const neighbour = new Neighbour(system, target, { ...made, tenantId: quietTenant.tenantId });
  await neighbour.warmUp();

  const quiet = await neighbour.sendUntil(sizes.everyMs, (sent) => sent >= sizes.quietDeliveries);
  const alonePerSecond = await drainAlone(system, plain, sizes.flood);

  const before = await redisBytes(system);
  const samples: NoisyResult['samples'][number][] = [];
  const load = startLoad({ ...loud, deliveries: sizes.flood, connections: floodConnections, stopAfterMs: overMsMax, callEvery });
  let loaded: LoadResult | undefined;
  let isOver = false;
  let overAt = Number.NaN;
  try {
    await load.ready;
    const began = performance.now();
    const sending = load.send().then((result) => (loaded = result));
    const watching = watch();
    const beside = await neighbour.sendUntil(sizes.everyMs, () => isOver);
    const { acknowledged, firstPostAt, lastAnswerAt, refused } = await sending;
    await watching;
    const lastAnswer = performance.now() - (Date.now() - lastAnswerAt);
    const runs = await completed(system, loud);
    return {
      sizes,
      alonePerSecond,
      quiet: latencyOf(quiet),
      flooded: latencyOf(beside.filter(({ at }) => at <= lastAnswer)),
      draining: latencyOf(beside.filter(({ at }) => at > lastAnswer)),
      flood: {
        acknowledgedPerSecond: perSecond(acknowledged.length, lastAnswerAt - firstPostAt),
        runsPerSecond: perSecond(runs, overAt - began),
        slowCalls: target.slowCalls,
      },
      redisBytes: { before, most: Math.max(before, ...samples.map((sample) => sample.redisBytes)) },
      samples,
      problems: [
        ...[...quiet, ...beside].flatMap(({ problem }) => problem ?? []),
        ...(Object.keys(refused).length > 0 ? [`the flood was refused: ${JSON.stringify(refused)}`] : []),
        ...(runs < acknowledged.length ? [`${acknowledged.length} deliveries of the flood have ${runs} completed runs`] : []),
      ],
    };

    /** Until the flood's last task is gone. */
    async function watch(): Promise<void> {
      for (let seconds = 0; !isOver && performance.now() - began < overMsMax;) {
        const tasks = await tasksOf(system, loud);
        if (performance.now() - began > seconds * 1_000) {
          samples.push({ atMs: Math.round(performance.now() - began), redisBytes: await redisBytes(system), tasks });
          seconds += 1;
        }
        isOver = loaded !== undefined && tasks === 0;
        await sleep(250);
      }
      isOver = true;
      overAt = performance.now();
    }
  } finally {
    load.end();
  }
}

/** The whole backlog is there when the workers begin. */
async function drainAlone(system: System, made: MadeTarget, deliveries: number): Promise<number> {
  const load = startLoad({ ...made, deliveries, connections: floodConnections, stopAfterMs: overMsMax });
  try {
    await load.ready;
    signalBackground(system, 'SIGSTOP');
    await load.send().finally(() => signalBackground(system, 'SIGCONT'));
    const began = performance.now();
    while ((await tasksOf(system, made)) > 0 && performance.now() - began < overMsMax) await sleep(25);
    return perSecond(await completed(system, made), performance.now() - began);
  } finally {
    load.end();
  }
}

interface Tenant extends Pick<System, 'api' | 'services'> {
  readonly tenantId: string;
}

async function tenant({ services, api }: System, platformKey: string, name: string): Promise<Tenant> {
  const { id: tenantId, key } = await new Api(api.urls, platformKey).made<{ id: string; key: string }>('/api/tenants', { name });
  return { tenantId, services, api: new Api(api.urls, key) };
}

interface NeighbourTarget extends MadeTarget {
  readonly tenantId: string;
}

class Neighbour {
  private readonly gateway: Pool;
  private readonly path: string;
  private readonly system: System;
  private readonly target: BenchTarget;
  private readonly made: NeighbourTarget;

  constructor(system: System, target: BenchTarget, made: NeighbourTarget) {
    this.system = system;
    this.target = target;
    this.made = made;
    const { origin, pathname } = new URL(made.urls[0] ?? '');
    this.gateway = new Pool(origin, { connections: 16 });
    this.path = pathname;
  }

  async warmUp(): Promise<void> {
    await this.sendUntil(50, (sent) => sent >= 20);
  }

  /** Sends at a steady pace, whatever becomes of what was sent before, until `isEnough`; then waits for all of it. */
  async sendUntil(everyMs: number, isEnough: (sent: number) => boolean): Promise<readonly Measured[]> {
    const deliveries: Promise<Measured>[] = [];
    const pending = new Map<string, (at: number) => void>();
    let isDone = false;
    const looking = this.look(pending, () => isDone);
    for (let next = performance.now(); !isEnough(deliveries.length); await sleep(Math.max(0, next - performance.now()))) {
      deliveries.push(this.send(pending));
      next += everyMs * (0.8 + Math.random() * 0.4); // not in step with anybody's timer
    }
    const measured = await Promise.all(deliveries);
    isDone = true;
    await looking;
    return measured;
  }

  private async send(pending: Map<string, (at: number) => void>): Promise<Measured> {
    const mid = randomUUID();
    const { headers, body } = signedDelivery(this.made, mid, 0, mid);
    const visible = Promise.withResolvers<number>();
    pending.set(mid, visible.resolve);
    const began = performance.now();
    const response = await this.gateway.request({ path: this.path, method: 'POST', headers, body });
    await response.body.dump();
    const acknowledgedMs = performance.now() - began;
    const timeout = setTimeout(() => visible.resolve(Number.NaN), overMsMax);
    const visibleMs = (await visible.promise) - began;
    clearTimeout(timeout);
    pending.delete(mid);
    const calledMs = (this.target.arrivedAt.get(mid) ?? Number.NaN) - began;
    const problem =
      response.statusCode === 200 && Number.isFinite(calledMs) && Number.isFinite(visibleMs)
        ? undefined
        : `a delivery of the neighbour was answered ${response.statusCode}, called ${calledMs}, visible ${visibleMs}`;
    return { at: began, acknowledgedMs, calledMs, visibleMs, problem };
  }

  /** Finds runs completed in the query store, by the text that began them. */
  private async look(pending: Map<string, (at: number) => void>, isDone: () => boolean): Promise<void> {
    for (; !isDone(); await sleep(5)) {
      if (pending.size === 0) continue;
      const { rows } = await this.system.query.query<{ mid: string }>(
        `SELECT input ->> 'text' AS mid FROM execution_summary
         WHERE tenant_id = $1 AND workflow_id = $2 AND status = 'completed' AND input ->> 'text' = ANY ($3)`,
        [this.made.tenantId, this.made.workflowId, [...pending.keys()]],
      );
      for (const { mid } of rows) pending.get(mid)?.(performance.now());
    }
  }
}

interface Measured {
  /** When it was sent, by this process' monotonic clock */
  readonly at: number;
  readonly acknowledgedMs: number;
  readonly calledMs: number;
  readonly visibleMs: number;
  readonly problem: string | undefined;
}

function latencyOf(measured: readonly Measured[]): NeighbourLatency {
  const spread = (of: (one: Measured) => number): Spread => {
    const values = measured.map(of);
    return { p50: percentile(values, 50), p95: percentile(values, 95), max: Math.max(...values) };
  };
  return {
    deliveries: measured.length,
    acknowledgedMs: spread(({ acknowledgedMs }) => acknowledgedMs),
    calledMs: spread(({ calledMs }) => calledMs),
    visibleMs: spread(({ visibleMs }) => visibleMs),
  };
}

async function tasksOf({ command }: System, { channelId }: MadeTarget): Promise<number> {
  const { rows } = await command.query<{ tasks: number }>(
    'SELECT count(*)::int AS tasks FROM tasks WHERE tenant_id = (SELECT tenant_id FROM channels WHERE id = $1)',
    [channelId],
  );
  return rows[0]?.tasks ?? 0;
}

async function completed({ command }: System, { workflowId }: MadeTarget): Promise<number> {
  const { rows } = await command.query<{ runs: number }>(
    `SELECT count(*)::int AS runs FROM workflow_executions WHERE workflow_id = $1 AND status = 'completed'`,
    [workflowId],
  );
  return rows[0]?.runs ?? 0;
}

async function redisBytes({ redis }: System): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1] ?? 0);
}
