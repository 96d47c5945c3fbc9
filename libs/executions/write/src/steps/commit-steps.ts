import { executionIsOver, placeOf, type SentMessages } from '@sluice/engine';
import type { EffectSentAfterCancel } from '@sluice/executions-domain';
import type { DomainEvent, Json, JsonObject } from '@sluice/kernel';
import { storeClock } from '@sluice/platform-database';
import { appendEvents, type LogEntry } from '@sluice/platform-event-log';
import { type Admission, type TaskTicket, ticketFor, withhold, type WrittenTask, writtenTask } from '@sluice/platform-queue';
import { readSettings } from '@sluice/workflows-domain';
import type { PoolClient } from 'pg';
import { buryTasks, type Death } from '../dead-letters/bury-tasks.js';
import type { Begun } from './begin-run.js';
import { countToday, hasLimits, lockRoom, type RunLimits } from './run-limits.js';
import type { FollowUp, Step } from './run-step.js';
import { decideTurns, lockTurns, passTurns } from './turns.js';
import {
  consumeWaits,
  dropWhatIsLeft,
  endOfCall,
  keyOfWait,
  lockMatches,
  type Match,
  readTakers,
  rememberMatches,
  writeWaits,
} from './waits.js';

/** The task that a commit consumes, as it stood when its work began; another epoch means that somebody else took it. */
export interface HeldTask {
  readonly id: number;
  readonly epoch: number;
  /** It is given up: it stays as a dead letter instead of being done */
  readonly dies?: Death;
}

/** What an effect came to; written under its own guard, even when the step is fenced or the run was cancelled meanwhile. */
export interface EffectResult {
  readonly tenantId: string;
  readonly executionId: string;
  readonly workflowId: string;
  readonly nodeId: string;
  readonly iteration: string;
  readonly nodeRunId: string;
  readonly correlationId: string;
  /** The number of its intent */
  readonly attempts: number;
  readonly state: 'succeeded' | 'failed' | 'in_doubt';
  readonly response: Json;
  readonly sent?: SentMessages;
}

/** A webhook event: the runs of its listeners begin, and those that waited for it go on; all of it in one commit. */
export interface StartWork {
  readonly kind: 'start';
  readonly tasks: readonly HeldTask[];
  readonly tenantId: string;
  readonly webhookEventId: string;
  /** The event as those that waited get it */
  readonly item: Json;
  readonly correlationId: string;
  readonly listeners: readonly { readonly webhookId: string; readonly begun: Begun }[];
  /** All of them must still be there, and nobody else's in the same commit */
  readonly matches: readonly Match[];
  /** The event could not be handled, or not by all its listeners */
  readonly failure?: { readonly code: string; readonly message: string };
  /** It begins runs only within these; undefined: however many there are */
  readonly limits?: RunLimits | undefined;
  /** Runs of it that began in commits of their own */
  readonly begunApart?: readonly string[];
  /** It begins by this replay */
  readonly replayId?: string;
}

/** A step of a run that is there already, and runs that begin for another reason than an event. */
export interface StepWork {
  readonly kind: 'step';
  readonly tasks: readonly HeldTask[];
  /** undefined: the run is over and the tasks have nothing left to do */
  readonly step: Step | undefined;
  readonly begun?: readonly Begun[];
  readonly effects?: readonly EffectResult[];
  /** As of StartWork, for what begins by itself */
  readonly limits?: RunLimits | undefined;
}

export type Work = StartWork | StepWork;

export interface Committed {
  /**
   * `fenced`: the run moved on since it was read; read it again and decide again. `gone`: the tasks are somebody else's, or done. `held`: the
   * tenant has as many runs under way as it may; the task waits. `spent`: it has begun as many today as it may; the task waits, too.
   */
  readonly outcome: 'committed' | 'fenced' | 'gone' | 'held' | 'spent';
  /** Of several tasks, those that are gone */
  readonly gone: readonly number[];
  /** Runs that began */
  readonly begun: readonly Step[];
}

export interface WrittenGroup {
  readonly works: readonly Committed[];
  /** Tasks to run at once */
  readonly tickets: readonly TaskTicket[];
  /** To be appended to the log in the same transaction, last */
  readonly entries: readonly LogEntry[];
}

export interface CommittedGroup extends WrittenGroup {
  readonly commitId: number | undefined;
}

/**
 * One transaction for the work of many runs. The order of its statements is the lock order of every writer: executions, tasks, waits that
 * an event ends, turns, node rows, timers, waits, effects, then the log. `version` of an execution decides every commit; nothing else does.
 */
export async function commitWork(client: PoolClient, works: readonly Work[], admission: Admission): Promise<CommittedGroup> {
  const written = await writeWork(client, works, admission);
  return { ...written, commitId: written.entries.length === 0 ? undefined : await appendEvents(client, written.entries) };
}

/** All of it but the log. */
export async function writeWork(client: PoolClient, works: readonly Work[], admission: Admission): Promise<WrittenGroup> {
  const outcomes = works.map((): Committed['outcome'] => 'committed');
  const drop = (index: number, outcome: Committed['outcome']): void => {
    outcomes[index] = outcome;
  };
  const kept = <W extends Work>(filter: (work: Work) => work is W): { work: W; index: number }[] =>
    works.flatMap((work, index) => (filter(work) && outcomes[index] === 'committed' ? [{ work, index }] : []));
  const starts = () => kept((work) => work.kind === 'start');
  const steps = () => kept((work): work is StepWork & { step: Step } => work.kind === 'step' && work.step !== undefined);

  // Executions: the fence.
  const versions = await lockExecutions(
    client,
    steps().map(({ work }) => work.step),
  );
  const taken = new Set<string>();
  for (const { work, index } of steps()) {
    const { run } = work.step;
    const now = versions.get(run.id);
    const isOver = now === undefined || (executionIsOver(now) && !isRetried(work.step));
    if (isOver || now.version !== run.version || taken.has(run.id)) drop(index, 'fenced');
    taken.add(run.id);
  }

  // Tasks: still ours?
  const held = await lockTasks(
    client,
    works.flatMap(({ tasks }) => tasks.map(({ id }) => id)),
  );
  const goneOf = ({ tasks }: Work) => tasks.flatMap(({ id, epoch }) => (held.get(id) === epoch ? [] : [id]));
  const gone = works.map(goneOf);
  for (const [index, { tasks }] of works.entries()) {
    const missing = gone[index]?.length ?? 0;
    if (missing > 0) drop(index, missing === tasks.length ? 'gone' : 'fenced');
  }

  // Who waited for these events: still there, and each for one of them only? And did no run take them for itself meanwhile?
  const canBe = await lockMatches(
    client,
    starts().flatMap(({ work }) => work.matches),
  );
  const ended = new Set<string>();
  for (const { work, index } of starts()) {
    const waits = work.matches.map(keyOfWait);
    if (!work.matches.every(canBe) || waits.some((wait) => ended.has(wait))) drop(index, 'fenced');
    else for (const wait of waits) ended.add(wait);
  }
  const takers = await readTakers(
    client,
    starts().flatMap(({ work: { tenantId, webhookEventId: eventId, ...work } }) => (mayBeTaken(work) ? [{ tenantId, eventId }] : [])),
  );
  for (const { work, index } of starts()) if (takers.some((taker) => begins(work, taker))) drop(index, 'fenced');

  // Room for what begins?
  const asking = kept((work): work is LimitedWork => work.limits !== undefined && hasLimits(work.limits) && beginsRun(work));
  const refused = await worksWithoutRoom(
    client,
    asking,
    steps().map(({ work }) => work.step),
  );
  for (const [index, outcome] of refused) drop(index, outcome);

  // New runs, and what their events need.
  const processed = await markEvents(
    client,
    starts().map(({ work }) => work),
  );
  const present = steps().map(({ work }) => work.step);
  const beginning = works.flatMap((work, index) => (outcomes[index] === 'committed' ? begunOf(work) : []));
  await lockTurns(client, beginning, present);
  const turns = await decideTurns(client, beginning);
  const inserted = await insertExecutions(
    client,
    beginning.map((one) => ({ step: turns.stepOf(one), first: one.first.length })),
  );
  const begun = beginning.filter(({ step }) => inserted.has(step.run.id));
  await countToday(
    client,
    begunToday(asking, (index) => outcomes[index] === 'committed', inserted),
  );
  const begunSteps = begun.map(turns.stepOf);
  const written = [...begunSteps, ...present.filter(({ events }) => events.length > 0)];
  await updateExecutions(
    client,
    written.filter(({ run }) => run.version > 0),
  );

  const committed = works.flatMap(({ tasks }, index) => (outcomes[index] === 'committed' ? tasks : []));
  const done = committed.flatMap(({ id, dies }) => (dies === undefined ? [id] : []));
  const buried = await buryTasks(
    client,
    committed.flatMap(({ id, dies }) => (dies === undefined ? [] : [{ id, dies }])),
  );
  const tickets = await replaceTasks(client, done, written, admission);
  const others = [...(await turns.take(inserted)), ...(await passTurns(client, written))];
  await writeBlobs(client, written);
  await writeNodes(client, written);
  await writeTimers(client, written);
  others.push(...(await writeWaits(client, written)), ...(await dropWhatIsLeft(client, written)));
  others.push(
    ...(await consumeWaits(client, [
      ...starts().flatMap(({ work: { matches, item } }) =>
        matches.map((wait) => ({ ...wait, resumption: { type: 'completed', handle: 'out', output: item } as const })),
      ),
      ...written.flatMap((step) => endOfCall(step) ?? []),
    ])),
  );
  await rememberMatches(
    client,
    starts().flatMap(({ work }) => work.matches),
  );
  others.push(...(await escalate(client, written)));
  tickets.push(...(await withhold((text, values) => client.query(text, values), others, admission)));
  const afterCancel = await writeEffects(
    client,
    works.flatMap((work) => (work.kind === 'step' ? (work.effects ?? []) : [])),
  );

  const entries = [
    ...starts().flatMap(({ work }) => startEntries(work, inserted, processed)),
    ...begun.flatMap((one) => stepEntries(turns.stepOf(one), one.first, 0)),
    ...present.flatMap((step) => stepEntries(step, [], step.run.version)),
    ...buried,
    ...afterCancel.flatMap(sentAfterCancel),
  ];
  const begunIn = (work: Work) => begunOf(work).flatMap((one) => (inserted.has(one.step.run.id) ? [turns.stepOf(one)] : []));
  return {
    entries,
    tickets,
    works: works.map((work, index) => ({
      outcome: outcomes[index] ?? 'committed',
      gone: gone[index] ?? [],
      begun: outcomes[index] === 'committed' ? begunIn(work) : [],
    })),
  };
}

type LimitedWork = Work & { readonly limits: RunLimits };
type Asking = readonly { readonly work: LimitedWork; readonly index: number }[];

/** Runs that are called belong to one that is under way: they are never held, else it would wait for itself; and they are no runs of the day. */
const ownBegun = (work: Work): readonly Begun[] => (work.kind === 'start' ? work.listeners.map(({ begun }) => begun) : (work.begun ?? []));
const beginsRun = (work: Work): boolean => ownBegun(work).length > 0;

/** Only a customer's event ends waits; a replay begins what it begins, whoever took the event when it came. */
const mayBeTaken = ({ listeners, replayId }: Pick<StartWork, 'listeners' | 'replayId'>): boolean =>
  replayId === undefined && listeners.some(({ begun }) => begun.step.run.customerId !== null);
const begins = ({ webhookEventId, listeners }: StartWork, taker: { readonly eventId: string; readonly workflowId: string }): boolean =>
  webhookEventId === taker.eventId && listeners.some(({ begun }) => begun.step.run.workflowId === taker.workflowId);

/**
 * Which of these works would begin a run while their tenant has as many under way as it may, or had as many today; in their order. A run that
 * ends or waits when this commit is over is not under way. An event that starts several workflows starts all of them or none.
 */
async function worksWithoutRoom(
  client: PoolClient,
  asking: Asking,
  steps: readonly Step[],
): Promise<ReadonlyMap<number, 'held' | 'spent'>> {
  if (asking.length === 0) return new Map();
  const limits = new Map(asking.map(({ work }) => [tenantOf(work), work.limits]));
  const rooms = await lockRoom(
    client,
    [...limits].map(([tenantId, one]) => ({ tenantId, ...one })),
  );
  for (const { run, state } of steps) {
    const room = rooms.get(run.tenantId);
    if (room !== undefined) room.atOnce += Number(run.state.status === 'running') - Number(state.status === 'running');
  }
  const refused = new Map<number, 'held' | 'spent'>();
  for (const { work, index } of asking) {
    const room = rooms.get(tenantOf(work));
    if (room === undefined) continue;
    if (room.today <= 0) refused.set(index, 'spent');
    else if (room.atOnce <= 0) refused.set(index, 'held');
    else {
      room.atOnce -= begunOf(work).filter(({ step }) => step.state.status === 'running').length;
      room.today -= ownBegun(work).length;
    }
  }
  return refused;
}

/** By tenant, of those that may begin so many within a day */
function begunToday(asking: Asking, isCommitted: (index: number) => boolean, inserted: ReadonlySet<string>): ReadonlyMap<string, number> {
  const runs = new Map<string, number>();
  for (const { work, index } of asking) {
    const began = ownBegun(work).filter(({ step }) => inserted.has(step.run.id)).length;
    if (work.limits.perDay === undefined || !isCommitted(index) || began === 0) continue;
    runs.set(tenantOf(work), (runs.get(tenantOf(work)) ?? 0) + began);
  }
  return runs;
}

/** Whose it is; empty for what concerns no run. */
export const tenantOf = (work: Work): string =>
  work.kind === 'start' ? work.tenantId : ((work.step ?? work.begun?.[0]?.step)?.run.tenantId ?? '');

/** The runs that begin with it, those that were called included. */
function begunOf(work: Work): Begun[] {
  const first = work.kind === 'start' ? ownBegun(work) : [...ownBegun(work), ...(work.step?.children ?? [])];
  return first.flatMap((begun) => [begun, ...begun.step.children]);
}

/** A person lets a run that had failed go on: the only end that is none. */
const isRetried = ({ run, state }: Step): boolean => run.state.status === 'failed' && !executionIsOver(state);

async function lockExecutions(client: PoolClient, steps: readonly Step[]) {
  if (steps.length === 0) return new Map<string, { version: number; status: Step['state']['status'] }>();
  const { rows } = await client.query<{ id: string; version: number; status: Step['state']['status'] }>({
    name: 'lock-executions',
    text: `SELECT e.id, e.version, e.status
           FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::uuid[]) AS k(tenant_id, id)) k JOIN workflow_executions e USING (tenant_id, id)
           ORDER BY e.id FOR UPDATE OF e`,
    values: [steps.map(({ run }) => run.tenantId), steps.map(({ run }) => run.id)],
  });
  return new Map(rows.map((row) => [row.id, row]));
}

async function lockTasks(client: PoolClient, ids: readonly number[]): Promise<ReadonlyMap<number, number>> {
  const { rows } = await client.query<{ id: number; epoch: number }>({
    name: 'lock-tasks',
    text: `SELECT id, epoch FROM tasks WHERE id = ANY ($1::bigint[]) AND status <> 'dead' ORDER BY id FOR UPDATE`,
    values: [ids],
  });
  return new Map(rows.map(({ id, epoch }) => [id, epoch]));
}

/** The stream version that each event's `webhook.processed` (or `failed`) gets. */
async function markEvents(client: PoolClient, starts: readonly StartWork[]): Promise<ReadonlyMap<string, number>> {
  if (starts.length === 0) return new Map();
  const { rows } = await client.query<{ id: string; stream_version: number }>({
    name: 'mark-events',
    text: `UPDATE webhook_events w SET status = k.status, stream_version = w.stream_version + 1
           FROM (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS k(tenant_id, id, status) ORDER BY 1, 2) k
           WHERE w.tenant_id = k.tenant_id AND w.id = k.id AND w.status = 'received'
           RETURNING w.id, w.stream_version`,
    values: [
      starts.map(({ tenantId }) => tenantId),
      starts.map(({ webhookEventId }) => webhookEventId),
      starts.map(({ failure }) => (failure === undefined ? 'processed' : 'failed')),
    ],
  });
  return new Map(rows.map((row) => [row.id, row.stream_version]));
}

/** Of a new run: with its first events */
const versionAfter = ({ run, events }: Step, first = 0): number => run.version + first + events.length;
const completedAt = (step: Step): string | null => (executionIsOver(step.state) ? storeClock.now().toISOString() : null);
const json = (value: Json | undefined | object): string | null => (value === undefined ? null : JSON.stringify(value));

/** The ids of those that are new; a start key that is there already has its run. */
async function insertExecutions(
  client: PoolClient,
  runs: readonly { readonly step: Step; readonly first: number }[],
): Promise<ReadonlySet<string>> {
  if (runs.length === 0) return new Set();
  const { rows } = await client.query<{ id: string }>({
    name: 'insert-executions',
    text: `INSERT INTO workflow_executions
             (tenant_id, id, workflow_id, workflow_version, version_id, version, status, start_key, entry_node_id, trigger_meta, customer_id,
              correlation_id, input, output, error, started_at, completed_at, parent_execution_id, parent_node_id, parent_iteration, depth,
              node_runs, output_bytes, concurrency_key)
           SELECT tenant_id, id, workflow_id, workflow_version, version_id, version, status, start_key, entry_node_id, trigger_meta, customer_id,
              correlation_id, coalesce(input, 'null'), output, error, started_at, completed_at, parent_execution_id, parent_node_id, parent_iteration,
              depth, node_runs, output_bytes, concurrency_key
           FROM jsonb_to_recordset($1::jsonb) AS v(
              tenant_id uuid, id uuid, workflow_id uuid, workflow_version int, version_id uuid, version bigint, status text, start_key text,
              entry_node_id text, trigger_meta jsonb, customer_id text, correlation_id text, input jsonb, output jsonb, error jsonb,
              started_at timestamptz, completed_at timestamptz, parent_execution_id uuid, parent_node_id text, parent_iteration text, depth int,
              node_runs int, output_bytes bigint, concurrency_key text)
           ORDER BY v.tenant_id, v.workflow_id, v.start_key
           ON CONFLICT DO NOTHING RETURNING id`,
    values: [
      JSON.stringify(
        runs.map(({ step, first }) => ({
          tenant_id: step.run.tenantId,
          id: step.run.id,
          workflow_id: step.run.workflowId,
          workflow_version: step.run.workflowVersion,
          version_id: step.run.versionId,
          version: versionAfter(step, first),
          status: step.state.status,
          start_key: step.run.startKey,
          entry_node_id: step.state.entryNodeId,
          trigger_meta: step.run.trigger,
          customer_id: step.run.customerId,
          correlation_id: step.run.correlationId,
          input: step.state.input,
          output: step.state.output,
          error: step.state.error,
          started_at: step.run.startedAt,
          completed_at: completedAt(step),
          parent_execution_id: step.run.parent?.executionId,
          parent_node_id: step.run.parent?.nodeId,
          parent_iteration: step.run.parent?.iteration,
          depth: step.run.depth,
          node_runs: step.state.spent.nodeRuns,
          output_bytes: step.state.spent.outputBytes,
          concurrency_key: step.run.concurrencyKey,
        })),
      ),
    ],
  });
  return new Set(rows.map(({ id }) => id));
}

async function updateExecutions(client: PoolClient, steps: readonly Step[]): Promise<void> {
  if (steps.length === 0) return;
  const { rowCount } = await client.query({
    name: 'update-executions',
    text: `UPDATE workflow_executions e
           SET version = v.next, status = v.status, output = v.output, error = v.error, completed_at = v.completed_at,
               node_runs = v.node_runs, output_bytes = v.output_bytes, updated_at = now()
           FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::text[], $6::jsonb[], $7::jsonb[], $8::timestamptz[], $9::int[], $10::bigint[])
             AS v(tenant_id, id, read, next, status, output, error, completed_at, node_runs, output_bytes)
           WHERE e.tenant_id = v.tenant_id AND e.id = v.id AND e.version = v.read
             AND (e.status NOT IN ('completed', 'failed', 'cancelled', 'incomplete') OR (e.status = 'failed' AND v.status = 'running'))`,
    values: [
      steps.map(({ run }) => run.tenantId),
      steps.map(({ run }) => run.id),
      steps.map(({ run }) => run.version),
      steps.map((step) => versionAfter(step)),
      steps.map(({ state }) => state.status),
      steps.map(({ state }) => json(state.output)),
      steps.map(({ state }) => json(state.error)),
      steps.map(completedAt),
      steps.map(({ state }) => state.spent.nodeRuns),
      steps.map(({ state }) => state.spent.outputBytes),
    ],
  });
  if (rowCount !== steps.length) throw new Error(`${steps.length} locked executions, ${rowCount} updated: the fence does not hold`);
}

/** Deletes what is done and queues what follows; answers the tasks that may run at once. */
async function replaceTasks(
  client: PoolClient,
  done: readonly number[],
  steps: readonly Step[],
  admission: Admission,
): Promise<TaskTicket[]> {
  if (done.length > 0)
    await client.query({ name: 'delete-tasks', text: 'DELETE FROM tasks WHERE id = ANY ($1::bigint[])', values: [done] });
  const rows = steps.flatMap((step) => step.followUps.map((task: FollowUp) => ({ step, task })));
  if (rows.length === 0) return [];
  const isParked = ({ state }: Step) => state.status === 'paused';
  const inserted = await client.query<WrittenTask & { ticketed_at: Date | null }>({
    name: 'insert-tasks',
    text: `INSERT INTO tasks (tenant_id, kind, execution_id, node_id, iteration, attempt, priority, queue, run_after, ticketed_at)
           SELECT tenant_id, kind, execution_id, node_id, iteration, attempt, priority, queue,
                  CASE WHEN parked THEN 'infinity' ELSE now() + delay_ms * interval '1 millisecond' END,
                  CASE WHEN ticketed THEN now() END
           FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::int[], $7::smallint[], $8::text[], $9::double precision[],
                       $10::boolean[], $11::boolean[])
             AS t(tenant_id, kind, execution_id, node_id, iteration, attempt, priority, queue, delay_ms, parked, ticketed)
           RETURNING ${writtenTask()}, ticketed_at`,
    values: [
      rows.map(({ step }) => step.run.tenantId),
      rows.map(({ task }) => task.kind),
      rows.map(({ step }) => step.run.id),
      rows.map(({ task }) => task.nodeId),
      rows.map(({ task }) => task.iteration),
      rows.map(({ task }) => task.attempt),
      rows.map(({ step }) => step.priority),
      rows.map(({ step }) => step.queue),
      rows.map(({ task }) => task.delayMs),
      rows.map(({ step }) => isParked(step)),
      rows.map(({ step, task }) => !isParked(step) && task.delayMs === 0 && admission.admit(step.run.tenantId, task.kind)),
    ],
  });
  return inserted.rows.flatMap((task) => (task.ticketed_at === null ? [] : [ticketFor(task, admission)]));
}

/** Large values that the rows of these steps refer to. */
export async function writeBlobs(client: PoolClient, steps: readonly Step[]): Promise<void> {
  const blobs = steps.flatMap(({ run, blobs: own }) => own.map((blob) => ({ run, blob })));
  if (blobs.length === 0) return;
  await client.query(
    `INSERT INTO blobs (tenant_id, sha256, bytes) SELECT DISTINCT ON (1, 2) * FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) ORDER BY 1, 2
     ON CONFLICT DO NOTHING`,
    [blobs.map(({ run }) => run.tenantId), blobs.map(({ blob }) => Buffer.from(blob.sha256, 'hex')), blobs.map(({ blob }) => blob.bytes)],
  );
}

/**
 * Runs that failed start the workflow that their own names for that; by a task, since its version must be looked up. Whoever ended them: a
 * version that nobody can compile still says its settings. A run that was started by a failure starts no further one.
 */
async function escalate(client: PoolClient, steps: readonly Step[]): Promise<WrittenTask[]> {
  const ended = steps.filter(
    ({ run, state: { status } }) => (status === 'failed' || status === 'incomplete') && run.trigger.source !== 'error',
  );
  if (ended.length === 0) return [];
  const { rows: versions } = await client.query<{ id: string; settings: JsonObject }>(
    `SELECT id, settings FROM workflow_versions WHERE id = ANY ($1) AND settings ? 'errorWorkflow'`,
    [ended.map(({ run }) => run.versionId)],
  );
  const settings = new Map(versions.map((version) => [version.id, readSettings(version.settings)]));
  const failed = ended.flatMap(({ run, state }) => {
    const escalatesTo = settings.get(run.versionId)?.errorWorkflow;
    return escalatesTo === undefined ? [] : [{ run, state, escalatesTo }];
  });
  if (failed.length === 0) return [];
  const { rows } = await client.query<WrittenTask>(
    `INSERT INTO tasks (tenant_id, kind, payload, ticketed_at) SELECT *, now()
     FROM unnest($1::uuid[], array_fill('begin'::text, ARRAY[cardinality($1::uuid[])]), $2::jsonb[]) RETURNING ${writtenTask()}`,
    [
      failed.map(({ run }) => run.tenantId),
      failed.map(({ run, state, escalatesTo }) =>
        JSON.stringify({
          workflowId: escalatesTo,
          startKey: `f:${run.id}:${run.version}`,
          trigger: {
            source: 'error',
            sourceType: 'error',
            actionType: state.status,
            customerId: run.customerId,
            clientId: run.id,
            receivedAt: storeClock.now().toISOString(),
          },
          input: {
            execution: {
              id: run.id,
              workflowId: run.workflowId,
              workflowVersion: run.workflowVersion,
              status: state.status,
              startedAt: run.startedAt,
            },
            error: state.error ?? null,
            trigger: run.trigger,
          },
          correlationId: run.correlationId,
        }),
      ),
    ],
  );
  return rows;
}

/** The node rows that a step changed. */
async function writeNodes(client: PoolClient, steps: readonly Step[]): Promise<void> {
  const rows = steps
    .flatMap(({ run, state }) =>
      [...state.nodes]
        .filter(([key, node]) => run.state.nodes.get(key) !== node)
        .map(([key, node]) => ({ run, state, key, node, ...placeOf(key) })),
    )
    .sort((a, b) => compare(a.run.id, b.run.id) || compare(a.key, b.key));
  if (rows.length === 0) return;
  await client.query({
    name: 'write-nodes',
    text: `INSERT INTO node_executions
             (tenant_id, workflow_execution_id, node_id, iteration, id, status, attempt, handle, output, error, input_from, wait_until, started_at,
              completed_at, input, loop_count, loop_begun, loop_ended, attempts_before)
           SELECT tenant_id, execution_id, node_id, coalesce(iteration, ''), id, status, attempt, handle,
                  CASE WHEN output_is_null THEN 'null'::jsonb ELSE output END, error, input_from, wait_until, started_at, completed_at,
                  items, loop_count, loop_begun, loop_ended, attempts_before
           FROM jsonb_to_recordset($1::jsonb) AS n(
             tenant_id uuid, execution_id uuid, node_id text, iteration text, id uuid, status text, attempt int, handle text, output jsonb,
             output_is_null boolean, error jsonb, input_from text[], wait_until timestamptz, started_at timestamptz, completed_at timestamptz,
             items jsonb, loop_count int, loop_begun int, loop_ended int, attempts_before int)
           ON CONFLICT (tenant_id, workflow_execution_id, node_id, iteration) DO UPDATE
           SET status = excluded.status, attempt = excluded.attempt, handle = excluded.handle, output = excluded.output, error = excluded.error,
               input_from = excluded.input_from, wait_until = excluded.wait_until, started_at = excluded.started_at,
               completed_at = excluded.completed_at, input = coalesce(excluded.input, node_executions.input), loop_count = excluded.loop_count,
               loop_begun = excluded.loop_begun, loop_ended = excluded.loop_ended, attempts_before = excluded.attempts_before, updated_at = now()`,
    values: [
      JSON.stringify(
        rows.map(({ run, state, nodeId, iteration, key, node }) => {
          const isEntry = iteration === '' && nodeId === state.entryNodeId;
          return {
            tenant_id: run.tenantId,
            execution_id: run.id,
            node_id: nodeId,
            iteration: iteration === '' ? undefined : iteration,
            id: node.id,
            status: node.status,
            attempt: node.attempt,
            handle: node.handle,
            // The entry puts out the run's input, which is not kept twice.
            output: isEntry && node.output === state.input ? undefined : node.output,
            output_is_null: node.output === null && !(isEntry && state.input === null),
            error: node.error,
            input_from: node.inputFrom,
            wait_until: node.waitUntil,
            started_at: node.startedAt,
            completed_at: node.completedAt,
            // Written once: they never change.
            items: run.state.nodes.get(key)?.items === undefined ? node.items : undefined,
            loop_count: node.loop?.count,
            loop_begun: node.loop?.begun,
            loop_ended: node.loop?.ended,
            attempts_before: node.attemptsBefore,
          };
        }),
      ),
    ],
  });
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

async function writeTimers(client: PoolClient, steps: readonly Step[]): Promise<void> {
  const set = steps.flatMap(({ run, timers }) => timers.map((timer) => ({ run, timer })));
  if (set.length === 0) return;
  await client.query({
    name: 'set-timers',
    text: `INSERT INTO timers (tenant_id, execution_id, node_id, iteration, due_at)
           SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[])
           ON CONFLICT DO NOTHING`,
    values: [
      set.map(({ run }) => run.tenantId),
      set.map(({ run }) => run.id),
      set.map(({ timer }) => timer.nodeId),
      set.map(({ timer }) => timer.iteration),
      set.map(({ timer }) => timer.until),
    ],
  });
}

/** Answers those whose run had been cancelled meanwhile; each result is written once, so each is answered once. */
async function writeEffects(client: PoolClient, effects: readonly EffectResult[]): Promise<EffectResult[]> {
  if (effects.length === 0) return [];
  const { rows } = await client.query<{ execution_id: string; node_id: string; iteration: string; after_cancel: boolean }>({
    name: 'write-effects',
    text: `UPDATE effects e SET state = v.state, response = v.response, updated_at = now(),
                  message_id = CASE WHEN v.state = 'succeeded' AND length(v.response #>> '{output,messageId}') <= 512 THEN v.response #>> '{output,messageId}' END
           FROM (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::int[], $6::text[], $7::jsonb[])
             AS v(tenant_id, execution_id, node_id, iteration, attempts, state, response) ORDER BY 1, 2, 3, 4) v
           JOIN workflow_executions x ON x.tenant_id = v.tenant_id AND x.id = v.execution_id
           WHERE e.tenant_id = v.tenant_id AND e.execution_id = v.execution_id AND e.node_id = v.node_id AND e.iteration = v.iteration
             AND e.attempts = v.attempts
             AND e.state = 'intent'
           RETURNING e.execution_id, e.node_id, e.iteration, x.status = 'cancelled' AS after_cancel`,
    values: [
      effects.map(({ tenantId }) => tenantId),
      effects.map(({ executionId }) => executionId),
      effects.map(({ nodeId }) => nodeId),
      effects.map(({ iteration }) => iteration),
      effects.map(({ attempts }) => attempts),
      effects.map(({ state }) => state),
      effects.map(({ response }) => JSON.stringify(response)),
    ],
  });
  const late = new Set(rows.flatMap((row) => (row.after_cancel ? [`${row.execution_id}/${row.iteration}/${row.node_id}`] : [])));
  return late.size === 0 ? [] : effects.filter(({ executionId, iteration, nodeId }) => late.has(`${executionId}/${iteration}/${nodeId}`));
}

function sentAfterCancel(result: EffectResult): LogEntry[] {
  const { tenantId, executionId, workflowId, nodeId, iteration, nodeRunId, correlationId, state, sent } = result;
  if (state === 'failed') return [];
  const place = { executionId, workflowId, nodeId, ...(iteration === '' ? {} : { iteration }), nodeRunId };
  const event: EffectSentAfterCancel = {
    type: 'node.effect.sent_after_cancel',
    aggregateId: nodeRunId,
    payload: { ...place, outcome: state, ...(sent === undefined ? {} : { sent }) },
  };
  return [{ event, tenantId, aggregateVersion: 1, correlationId, causationId: executionId }];
}

function stepEntries({ run, events }: Step, before: readonly DomainEvent[], version: number): LogEntry[] {
  return [...before, ...events].map((event, index) => ({
    event,
    tenantId: run.tenantId,
    aggregateVersion: version + index + 1,
    correlationId: run.correlationId,
    causationId: run.trigger.webhookEventId ?? null,
  }));
}

function startEntries(work: StartWork, inserted: ReadonlySet<string>, processed: ReadonlyMap<string, number>): LogEntry[] {
  const { tenantId, webhookEventId, correlationId, failure, matches, begunApart = [] } = work;
  const begun = work.listeners.filter((one) => inserted.has(one.begun.step.run.id));
  const executionIds = [...begunApart, ...begun.map((one) => one.begun.step.run.id)];
  const version = processed.get(webhookEventId);
  const replay = work.replayId === undefined ? {} : { replayId: work.replayId };
  const event: DomainEvent =
    failure === undefined
      ? {
          type: 'webhook.processed',
          aggregateId: webhookEventId,
          payload: {
            executionIds,
            webhookIds: begun.map(({ webhookId }) => webhookId),
            ...(matches.length === 0 ? {} : { resumedExecutionIds: matches.map(({ executionId }) => executionId) }),
            ...replay,
          },
        }
      : {
          type: 'webhook.failed',
          aggregateId: webhookEventId,
          payload: { error: failure, ...(executionIds.length === 0 ? {} : { executionIds }), ...replay },
        };
  return version === undefined ? [] : [{ event, tenantId, aggregateVersion: version, correlationId, causationId: webhookEventId }];
}
