import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from '@sluice/testing';
import type pg from 'pg';
import { Pool } from 'undici';
import { signedDelivery, type Target } from './deliveries.ts';
import type { LoadPlan, LoadResult } from './load.ts';
import { type Measured, type Metered, startMeters } from './meters.ts';

export interface System extends Measured {
  readonly api: Api;
  /** The two stores, as a superuser */
  readonly command: pg.Client;
  readonly query: pg.Client;
}

export interface LoadRound {
  readonly sent: number;
  readonly acknowledged: number;
  readonly refused: LoadResult['refused'];
  readonly acknowledgedPerSecond: number;
  readonly acknowledgementMs: { readonly p50: number; readonly p99: number };
  /** Runs that the query store shows completed */
  readonly finished: number;
  readonly finishedPerSecond: number;
  readonly metered: Metered;
  /** What is not correct; empty when all is. Slowness is never a problem. */
  readonly problems: readonly string[];
}

export interface IdleLatency {
  readonly deliveries: number;
  readonly acknowledgedMs: readonly number[];
  readonly visibleMs: readonly number[];
  readonly problems: readonly string[];
}

const connections = 32;
const nodesPerRun = 3;
const sendingMsMax = 30_000;
const finishingMsMax = 60_000;
const visibleMsMax = 10_000;

export interface MadeTarget extends Target {
  readonly workflowId: string;
  readonly channelId: string;
}

/** Trigger, condition, answer: what every message runs through where nothing else is said. */
const greeting = {
  nodes: [
    { id: 'message', type: 'trigger.webhook', config: {} },
    { id: 'greeting', type: 'logic.if', config: { condition: "trigger.text = 'hi'" } },
    { id: 'answer', type: 'data.set', config: { values: { to: '{{ customer.id }}', text: 'Hello, {{ customer.id }}!' } } },
  ],
  edges: [
    { source: 'message', target: 'greeting' },
    { source: 'greeting', target: 'answer', sourceHandle: 'true' },
  ],
};

/** A channel and a published workflow that every message starts, at its node `message`; each measurement has its own. */
export async function makeTarget(
  { api, services }: Pick<System, 'api' | 'services'>,
  name: string,
  graph: object = greeting,
): Promise<MadeTarget> {
  const account = `1784${randomBytes(6).readUIntBE(0, 6)}`;
  const secret = randomBytes(16).toString('hex');
  const { id: channelId } = await api.made('/api/channels', {
    provider: 'instagram',
    name,
    externalAccountId: account,
    credentials: { signingSecrets: [secret] },
  });
  const { id: workflowId } = await api.made('/api/workflows', { name, ...graph });
  await api.made(`/api/workflows/${workflowId}/publish`);
  const config = { channelId, actionTypes: ['message'] };
  await api.made('/api/webhooks', { name, workflowId, nodeId: 'message', provider: 'instagram', config });
  const gateways = services.processes.filter(({ app }) => app.startsWith('webhook-gateway'));
  const urls = gateways.map(({ url }) => `${url}/webhooks/${channelId}/instagram/message`);
  return { urls, account, secret, workflowId, channelId };
}

/** Whether the runs go on while deliveries come, or begin when the last one is acknowledged: two cores are few for both at once. */
export type Runs = 'at the same time' | 'afterwards';

/** Sends `deliveries` over 32 connections and waits until the query store shows every run of an acknowledged one completed. */
export async function loadRound(system: System, name: string, deliveries: number, runs: Runs): Promise<LoadRound> {
  const { workflowId, channelId, ...target } = await makeTarget(system, name);
  const load = startLoad({ ...target, deliveries, connections, stopAfterMs: sendingMsMax });
  try {
    await load.ready;
    const meters = await startMeters(system);
    let loaded: LoadResult | undefined;
    if (runs === 'afterwards') signalBackground(system, 'SIGSTOP');
    const sending = load
      .send()
      .then((result) => (loaded = result))
      .finally(() => signalBackground(system, 'SIGCONT'));
    sending.catch(() => {}); // heard below
    let finished = 0;
    let finishedAt = Date.now();
    let deadline = Infinity;
    for (; loaded === undefined || (finished < loaded.acknowledged.length && Date.now() < deadline); await sleep(50)) {
      const now = await completedRuns(system.query, workflowId);
      if (now > finished) finishedAt = Date.now();
      finished = now;
      if (load.failed()) await sending;
      if (loaded !== undefined && deadline === Infinity) deadline = Date.now() + finishingMsMax;
    }
    const metered = await meters.stop();
    const { sent, acknowledged, refused, firstPostAt, lastAnswerAt, latenciesMs, cpuSeconds } = loaded;
    return {
      sent,
      acknowledged: acknowledged.length,
      refused,
      acknowledgedPerSecond: perSecond(acknowledged.length, lastAnswerAt - firstPostAt),
      acknowledgementMs: { p50: percentile(latenciesMs, 50), p99: percentile(latenciesMs, 99) },
      finished,
      finishedPerSecond: perSecond(finished, finishedAt - firstPostAt),
      metered: { ...metered, cpuSeconds: { ...metered.cpuSeconds, 'load generator': cpuSeconds } },
      problems: await problemsOf(system, { name, workflowId, channelId }, loaded),
    };
  } finally {
    load.end();
  }
}

export function signalBackground({ services }: System, signal: 'SIGSTOP' | 'SIGCONT'): void {
  for (const { app, pid } of services.processes) {
    if (app.startsWith('execution-worker') || app === 'projector') process.kill(pid, signal);
  }
}

export function startLoad(plan: LoadPlan) {
  const child: ChildProcess = fork(join(import.meta.dirname, 'load.ts'), [JSON.stringify(plan)], { execArgv: [] });
  let done = false;
  let failed = false;
  const ended = once(child, 'exit').then(([code]) => {
    failed = !done;
    throw new Error(`the load process ended with code ${code} before it had an answer`);
  });
  ended.catch(() => {}); // heard by whoever waits for an answer
  const answer = async <Answer>(): Promise<Answer> => {
    const [message]: Answer[] = await Promise.race([once(child, 'message'), ended]);
    if (message === undefined) throw new Error('the load process said nothing');
    return message;
  };
  return {
    ready: answer<'ready'>(),
    send: async (): Promise<LoadResult> => {
      const result = answer<LoadResult>();
      child.send('send');
      await result;
      done = true;
      return result;
    },
    failed: () => failed,
    end: () => void child.kill('SIGKILL'),
  };
}

/** Every acknowledged delivery is one event with one completed run, nothing else ran, and both stores say so. */
async function problemsOf(
  { command, query }: System,
  { name, workflowId, channelId }: { name: string; workflowId: string; channelId: string },
  { sent, acknowledged }: LoadResult,
): Promise<string[]> {
  const { rows } = await command.query<{ key: string; runs: number }>(
    `SELECT w.dedupe_key AS key, count(e.id) FILTER (WHERE e.status = 'completed')::int AS runs
     FROM webhook_events w
     LEFT JOIN workflow_executions e ON e.tenant_id = w.tenant_id AND e.workflow_id = $2 AND e.start_key = 'e:' || w.id || ':message'
     WHERE w.channel_id = $1 GROUP BY 1`,
    [channelId, workflowId],
  );
  const runsOf = new Map(rows.map(({ key, runs }) => [key.slice(key.lastIndexOf(':') + 1), runs]));
  const lost = acknowledged.filter((mid) => !runsOf.has(mid)).length;
  const unfinished = acknowledged.filter((mid) => runsOf.get(mid) === 0).length;
  const executions = await countOf(command, 'SELECT count(*)::int AS count FROM workflow_executions WHERE workflow_id = $1', workflowId);
  const completed = await completedRuns(query, workflowId);
  const nodes = await countOf(
    query,
    `SELECT count(*)::int AS count FROM execution_detail d JOIN execution_summary s ON s.tenant_id = d.tenant_id AND s.id = d.execution_id
     WHERE s.workflow_id = $1 AND d.status = 'completed'`,
    workflowId,
  );
  return [
    ...(acknowledged.length === 0 ? [`none of ${sent} deliveries was acknowledged`] : []),
    ...(lost > 0 ? [`${lost} acknowledged deliveries are not in the command store`] : []),
    ...(unfinished > 0 ? [`${unfinished} acknowledged deliveries have no completed run`] : []),
    ...(executions > rows.length ? [`${rows.length} events started ${executions} runs`] : []),
    ...(completed < acknowledged.length || completed > executions
      ? [`the query store shows ${completed} completed runs, the command store has ${executions}`]
      : []),
    ...(nodes !== completed * nodesPerRun
      ? [`${completed} runs of ${nodesPerRun} nodes, but ${nodes} completed nodes in the query store`]
      : []),
  ].map((problem) => `${name}: ${problem}`);
}

/** One delivery at a time on an idle system: until it is acknowledged, and until the query store shows its run completed. */
export async function idleLatency(system: System, deliveries: number): Promise<IdleLatency> {
  const { workflowId, ...target } = await makeTarget(system, 'idle');
  const { origin, pathname: path } = new URL(target.urls[0] ?? '');
  const gateway = new Pool(origin, { connections: 1 });
  const acknowledgedMs: number[] = [];
  const visibleMs: number[] = [];
  const problems: string[] = [];
  try {
    for (let n = 0; n < deliveries; n += 1) {
      await sleep(20 + Math.random() * 40); // not in step with anybody's timer
      const { headers, body } = signedDelivery(target, `idle-${n}`, n);
      const began = performance.now();
      const response = await gateway.request({ path, method: 'POST', headers, body });
      await response.body.dump();
      if (response.statusCode !== 200) {
        problems.push(`idle: delivery ${n} was answered ${response.statusCode}`);
        continue;
      }
      acknowledgedMs.push(performance.now() - began);
      const before = visibleMs.length;
      while (performance.now() - began < visibleMsMax) {
        if ((await completedRuns(system.query, workflowId)) > before) {
          visibleMs.push(performance.now() - began);
          break;
        }
        await sleep(1);
      }
      if (visibleMs.length > before) continue;
      problems.push(`idle: the run of delivery ${n} is missing`);
      break;
    }
  } finally {
    await gateway.close();
  }
  return { deliveries, acknowledgedMs, visibleMs, problems };
}

const completedRuns = (query: pg.Client, workflowId: string): Promise<number> =>
  countOf(query, `SELECT count(*)::int AS count FROM execution_summary WHERE workflow_id = $1 AND status = 'completed'`, workflowId);

async function countOf(client: pg.Client, sql: string, workflowId: string): Promise<number> {
  const { rows } = await client.query<{ count: number }>(sql, [workflowId]);
  return rows[0]?.count ?? 0;
}

export const perSecond = (count: number, milliseconds: number): number => (milliseconds > 0 ? count / (milliseconds / 1_000) : 0);

export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}
