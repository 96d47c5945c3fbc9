import { executionIsOver, type NodeRun } from '@sluice/engine';
import type { EffectSentAfterCancel, ExecutionEvent } from '@sluice/executions-domain';
import type { DomainEvent, Json } from '@sluice/kernel';
import { appendEvents, type LogEntry } from '@sluice/platform-event-log';
import type { TaskTicket } from '@sluice/platform-queue';
import type { PoolClient } from 'pg';
import type { Step } from './run-step.js';

/** The task that a commit consumes, as it stood when its work began; another epoch means that somebody else took it. */
export interface HeldTask {
  readonly id: number;
  readonly epoch: number;
}

/** What an effect came to; written under its own guard, even when the step is fenced or the run was cancelled meanwhile. */
export interface EffectResult {
  readonly tenantId: string;
  readonly executionId: string;
  readonly workflowId: string;
  readonly nodeId: string;
  readonly nodeRunId: string;
  readonly correlationId: string;
  /** The number of its intent */
  readonly attempts: number;
  readonly state: 'succeeded' | 'failed' | 'in_doubt';
  readonly response: Json;
}

/** A webhook event whose listeners' runs begin; all of it in one commit. */
export interface StartWork {
  readonly kind: 'start';
  readonly task: HeldTask;
  readonly tenantId: string;
  readonly webhookEventId: string;
  readonly correlationId: string;
  readonly listeners: readonly { readonly webhookId: string; readonly started: ExecutionEvent; readonly step: Step }[];
  /** The event could not be handled at all (a crash loop) */
  readonly failure?: { readonly code: string; readonly message: string };
}

/** A step of a run that is there already. `step` absent: the run is over and the task has nothing left to do. */
export interface StepWork {
  readonly kind: 'step';
  readonly task: HeldTask;
  readonly step: Step | undefined;
  readonly effect?: EffectResult;
}

export type Work = StartWork | StepWork;

export interface Committed {
  /** `fenced`: the run moved on since it was read; read it again and decide again. `gone`: the task is somebody else's, or done. */
  readonly outcome: 'committed' | 'fenced' | 'gone';
  /** Tasks to run at once */
  readonly tickets: readonly TaskTicket[];
}

export interface CommittedGroup {
  readonly works: readonly Committed[];
  readonly commitId: number | undefined;
  readonly entries: readonly LogEntry[];
}

/**
 * One transaction for the work of many runs. The order of its statements is the lock order of every writer: executions, tasks, node
 * rows, timers, effects, then the log. `version` of an execution decides every commit; nothing else does.
 */
export async function commitWork(client: PoolClient, works: readonly Work[]): Promise<CommittedGroup> {
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
    if (now === undefined || now.version !== run.version || executionIsOver(now) || taken.has(run.id)) drop(index, 'fenced');
    taken.add(run.id);
  }

  // Tasks: still ours?
  const tasks = await lockTasks(
    client,
    works.map(({ task }) => task.id),
  );
  for (const [index, { task }] of works.entries()) {
    if (tasks.get(task.id) !== task.epoch) drop(index, 'gone');
  }

  // New runs, and what their events need.
  const processed = await markEvents(
    client,
    starts().map(({ work }) => work),
  );
  const begun = starts().flatMap(({ work }) => work.listeners.map(({ step }) => step));
  const inserted = await insertExecutions(client, begun);
  const written = [
    ...begun.filter(({ run }) => inserted.has(run.id)),
    ...steps().flatMap(({ work }) => (work.step.events.length > 0 ? [work.step] : [])),
  ];
  await updateExecutions(
    client,
    written.filter(({ run }) => run.version > 0),
  );

  const done = works.flatMap(({ task }, index) => (outcomes[index] === 'committed' ? [task.id] : []));
  const followUps = await replaceTasks(client, done, written);
  await writeNodes(client, written);
  await writeTimers(client, written);
  const afterCancel = await writeEffects(
    client,
    works.flatMap((work) => (work.kind === 'step' && work.effect !== undefined ? [work.effect] : [])),
  );

  const entries = [
    ...starts().flatMap(({ work }) => startEntries(work, inserted, processed)),
    ...steps().flatMap(({ work }) => stepEntries(work.step, [], work.step.run.version)),
    ...afterCancel.flatMap(sentAfterCancel),
  ];
  const commitId = entries.length === 0 ? undefined : await appendEvents(client, entries);
  return {
    commitId,
    entries,
    works: works.map((work, index) => ({
      outcome: outcomes[index] ?? 'committed',
      tickets: outcomes[index] === 'committed' ? runsOf(work).flatMap(({ run }) => followUps.get(run.id) ?? []) : [],
    })),
  };
}

const runsOf = (work: Work): readonly Step[] =>
  work.kind === 'start' ? work.listeners.map(({ step }) => step) : work.step === undefined ? [] : [work.step];

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

const startedEvents = 1;
const versionAfter = ({ run, events }: Step): number => (run.version === 0 ? startedEvents : run.version) + events.length;
const completedAt = (step: Step): string | null => (executionIsOver(step.state) ? new Date().toISOString() : null);
const json = (value: Json | undefined | object): string | null => (value === undefined ? null : JSON.stringify(value));

/** The ids of those that are new; a start key that is there already has its run. */
async function insertExecutions(client: PoolClient, steps: readonly Step[]): Promise<ReadonlySet<string>> {
  if (steps.length === 0) return new Set();
  const { rows } = await client.query<{ id: string }>({
    name: 'insert-executions',
    text: `INSERT INTO workflow_executions
             (tenant_id, id, workflow_id, workflow_version, version_id, version, status, start_key, entry_node_id, trigger_meta, customer_id,
              correlation_id, input, output, error, started_at, completed_at)
           SELECT * FROM jsonb_to_recordset($1::jsonb) AS v(
              tenant_id uuid, id uuid, workflow_id uuid, workflow_version int, version_id uuid, version bigint, status text, start_key text,
              entry_node_id text, trigger_meta jsonb, customer_id text, correlation_id text, input jsonb, output jsonb, error jsonb,
              started_at timestamptz, completed_at timestamptz)
           ORDER BY v.tenant_id, v.workflow_id, v.start_key
           ON CONFLICT DO NOTHING RETURNING id`,
    values: [
      JSON.stringify(
        steps.map((step) => ({
          tenant_id: step.run.tenantId,
          id: step.run.id,
          workflow_id: step.run.workflowId,
          workflow_version: step.run.workflowVersion,
          version_id: step.run.versionId,
          version: versionAfter(step),
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
           SET version = v.next, status = v.status, output = v.output, error = v.error, completed_at = v.completed_at, updated_at = now()
           FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::text[], $6::jsonb[], $7::jsonb[], $8::timestamptz[])
             AS v(tenant_id, id, read, next, status, output, error, completed_at)
           WHERE e.tenant_id = v.tenant_id AND e.id = v.id AND e.version = v.read
             AND e.status NOT IN ('completed', 'failed', 'cancelled', 'incomplete')`,
    values: [
      steps.map(({ run }) => run.tenantId),
      steps.map(({ run }) => run.id),
      steps.map(({ run }) => run.version),
      steps.map(versionAfter),
      steps.map(({ state }) => state.status),
      steps.map(({ state }) => json(state.output)),
      steps.map(({ state }) => json(state.error)),
      steps.map(completedAt),
    ],
  });
  if (rowCount !== steps.length) throw new Error(`${steps.length} locked executions, ${rowCount} updated: the fence does not hold`);
}

/** Deletes what is done and queues what follows; answers the tasks that may run at once, by execution. */
async function replaceTasks(
  client: PoolClient,
  done: readonly number[],
  steps: readonly Step[],
): Promise<ReadonlyMap<string, TaskTicket[]>> {
  if (done.length > 0)
    await client.query({ name: 'delete-tasks', text: 'DELETE FROM tasks WHERE id = ANY ($1::bigint[])', values: [done] });
  const rows = steps.flatMap(({ run, state, followUps }) => followUps.map((task) => ({ run, task, parked: state.status === 'paused' })));
  const tickets = new Map<string, TaskTicket[]>();
  if (rows.length === 0) return tickets;
  const inserted = await client.query<{ id: number; gen: number; execution_id: string; ticketed_at: Date | null }>({
    name: 'insert-tasks',
    text: `INSERT INTO tasks (tenant_id, kind, execution_id, node_id, attempt, run_after, ticketed_at)
           SELECT tenant_id, kind, execution_id, node_id, attempt,
                  CASE WHEN parked THEN 'infinity' ELSE now() + delay_ms * interval '1 millisecond' END,
                  CASE WHEN parked OR delay_ms > 0 THEN NULL ELSE now() END
           FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::int[], $6::double precision[], $7::boolean[])
             AS t(tenant_id, kind, execution_id, node_id, attempt, delay_ms, parked)
           RETURNING id, gen, execution_id, ticketed_at`,
    values: [
      rows.map(({ run }) => run.tenantId),
      rows.map(({ task }) => task.kind),
      rows.map(({ run }) => run.id),
      rows.map(({ task }) => task.nodeId),
      rows.map(({ task }) => task.attempt),
      rows.map(({ task }) => task.delayMs),
      rows.map(({ parked }) => parked),
    ],
  });
  for (const row of inserted.rows) {
    if (row.ticketed_at === null) continue;
    tickets.set(row.execution_id, [...(tickets.get(row.execution_id) ?? []), { id: row.id, gen: row.gen }]);
  }
  return tickets;
}

/** The node rows that a step changed. */
async function writeNodes(client: PoolClient, steps: readonly Step[]): Promise<void> {
  const rows = steps
    .flatMap(({ run, state }) =>
      [...state.nodes]
        .filter(([nodeId, node]) => run.state.nodes.get(nodeId) !== node)
        .map(([nodeId, node]) => ({ run, state, nodeId, node })),
    )
    .sort((a, b) => compare(a.run.id, b.run.id) || compare(a.nodeId, b.nodeId));
  if (rows.length === 0) return;
  await client.query({
    name: 'write-nodes',
    text: `INSERT INTO node_executions
             (tenant_id, workflow_execution_id, node_id, id, status, attempt, handle, output, error, input_from, wait_until, started_at, completed_at)
           SELECT tenant_id, execution_id, node_id, id, status, attempt, handle, CASE WHEN output_is_null THEN 'null'::jsonb ELSE output END, error,
                  input_from, wait_until, started_at, completed_at
           FROM jsonb_to_recordset($1::jsonb) AS n(
             tenant_id uuid, execution_id uuid, node_id text, id uuid, status text, attempt int, handle text, output jsonb,
             output_is_null boolean, error jsonb, input_from text[], wait_until timestamptz, started_at timestamptz, completed_at timestamptz)
           ON CONFLICT (tenant_id, workflow_execution_id, node_id, iteration) DO UPDATE
           SET status = excluded.status, attempt = excluded.attempt, handle = excluded.handle, output = excluded.output, error = excluded.error,
               input_from = excluded.input_from, wait_until = excluded.wait_until, started_at = excluded.started_at,
               completed_at = excluded.completed_at, updated_at = now()`,
    values: [
      JSON.stringify(
        rows.map(({ run, state, nodeId, node }) => ({
          tenant_id: run.tenantId,
          execution_id: run.id,
          node_id: nodeId,
          id: node.id,
          status: node.status,
          attempt: node.attempt,
          handle: node.handle,
          // The entry puts out the run's input, which is not kept twice.
          output: nodeId === state.entryNodeId && node.output === state.input ? undefined : node.output,
          output_is_null: node.output === null && !(nodeId === state.entryNodeId && state.input === null),
          error: node.error,
          input_from: node.inputFrom,
          wait_until: node.waitUntil,
          started_at: node.startedAt,
          completed_at: node.completedAt,
        })),
      ),
    ],
  });
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const isWaiting = (node: NodeRun | undefined): boolean => node?.status === 'waiting';

async function writeTimers(client: PoolClient, steps: readonly Step[]): Promise<void> {
  const set = steps.flatMap(({ run, timers }) => timers.map((timer) => ({ run, timer })));
  const over = steps.filter(({ run, state }) => executionIsOver(state) && [...run.state.nodes.values()].some(isWaiting));
  if (over.length > 0) {
    await client.query(
      'DELETE FROM timers t USING unnest($1::uuid[], $2::uuid[]) AS k(tenant_id, id) WHERE t.tenant_id = k.tenant_id AND t.execution_id = k.id',
      [over.map(({ run }) => run.tenantId), over.map(({ run }) => run.id)],
    );
  }
  if (set.length === 0) return;
  await client.query({
    name: 'set-timers',
    text: `INSERT INTO timers (tenant_id, execution_id, node_id, due_at) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[])
           ON CONFLICT DO NOTHING`,
    values: [
      set.map(({ run }) => run.tenantId),
      set.map(({ run }) => run.id),
      set.map(({ timer }) => timer.nodeId),
      set.map(({ timer }) => timer.until),
    ],
  });
}

/** Answers those whose run had been cancelled meanwhile; each result is written once, so each is answered once. */
async function writeEffects(client: PoolClient, effects: readonly EffectResult[]): Promise<EffectResult[]> {
  if (effects.length === 0) return [];
  const { rows } = await client.query<{ execution_id: string; node_id: string; after_cancel: boolean }>({
    name: 'write-effects',
    text: `UPDATE effects e SET state = v.state, response = v.response, updated_at = now()
           FROM (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::text[], $6::jsonb[])
             AS v(tenant_id, execution_id, node_id, attempts, state, response) ORDER BY 1, 2, 3) v
           JOIN workflow_executions x ON x.tenant_id = v.tenant_id AND x.id = v.execution_id
           WHERE e.tenant_id = v.tenant_id AND e.execution_id = v.execution_id AND e.node_id = v.node_id AND e.attempts = v.attempts
             AND e.state = 'intent'
           RETURNING e.execution_id, e.node_id, x.status = 'cancelled' AS after_cancel`,
    values: [
      effects.map(({ tenantId }) => tenantId),
      effects.map(({ executionId }) => executionId),
      effects.map(({ nodeId }) => nodeId),
      effects.map(({ attempts }) => attempts),
      effects.map(({ state }) => state),
      effects.map(({ response }) => JSON.stringify(response)),
    ],
  });
  const late = new Set(rows.flatMap((row) => (row.after_cancel ? [`${row.execution_id}/${row.node_id}`] : [])));
  return late.size === 0 ? [] : effects.filter(({ executionId, nodeId }) => late.has(`${executionId}/${nodeId}`));
}

function sentAfterCancel({ tenantId, executionId, workflowId, nodeId, nodeRunId, correlationId, state }: EffectResult): LogEntry[] {
  if (state === 'failed') return [];
  const event: EffectSentAfterCancel = {
    type: 'node.effect.sent_after_cancel',
    aggregateId: nodeRunId,
    payload: { executionId, workflowId, nodeId, nodeRunId, outcome: state },
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
  const { tenantId, webhookEventId, correlationId, failure } = work;
  const begun = work.listeners.filter(({ step }) => inserted.has(step.run.id));
  const version = processed.get(webhookEventId);
  const event: DomainEvent =
    failure === undefined
      ? {
          type: 'webhook.processed',
          aggregateId: webhookEventId,
          payload: { executionIds: begun.map(({ step }) => step.run.id), webhookIds: begun.map(({ webhookId }) => webhookId) },
        }
      : { type: 'webhook.failed', aggregateId: webhookEventId, payload: { error: failure } };
  return [
    ...begun.flatMap(({ started, step }) => stepEntries(step, [started], 0)),
    ...(version === undefined ? [] : [{ event, tenantId, aggregateVersion: version, correlationId, causationId: webhookEventId }]),
  ];
}
