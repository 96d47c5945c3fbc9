import type { PoolClient } from 'pg';
import { executionIsOver } from '@sluice/engine';
import { type WrittenTask, writtenTask } from '@sluice/platform-queue';
import type { Begun } from './begin-run.js';
import type { Step } from './run-step.js';

// Runs of a workflow that share a concurrency key take turns: `limit` hold the key, the others wait in order, are dropped, or take the place
// of those that hold it. Every transaction that gives or takes a turn first takes the advisory lock of its key.

interface TurnKey {
  readonly tenantId: string;
  readonly workflowId: string;
  readonly key: string;
}

/** What became of the runs that begin, and which runs go on or end because of them. */
export interface Turns {
  readonly stepOf: (begun: Begun) => Step;
  /** Called once they are written. Answers the tasks that end others. */
  take(inserted: ReadonlySet<string>): Promise<readonly WrittenTask[]>;
}

/** Runs whose step ends them, or lets them wait for an event, give their turn away: else a conversation would wait for itself. */
const givesAway = ({ state, waits, awaitsEvent = false }: Step): boolean =>
  executionIsOver(state) || (state.status === 'waiting' && (awaitsEvent || waits.some(({ kind }) => kind === 'event')));
/** It may have given its turn away while it waited, or when it failed. It goes on at once, and counts again; while it is paused it does not. */
const takesBack = ({ run, state }: Step): boolean => run.version > 0 && run.state.status !== 'running' && state.status === 'running';

export async function lockTurns(client: PoolClient, begun: readonly Begun[], steps: readonly Step[]): Promise<void> {
  const keys = [
    ...begun.flatMap(({ turn, step: { run } }) => (turn === undefined ? [] : [{ ...run, key: turn.key }])),
    ...steps.flatMap((step) => {
      const { concurrencyKey: key } = step.run;
      return key !== null && (givesAway(step) || takesBack(step)) ? [{ ...step.run, key }] : [];
    }),
  ];
  if (keys.length === 0) return;
  await client.query(
    `SELECT pg_advisory_xact_lock(lock) FROM (
       SELECT DISTINCT hashtextextended('sluice.turn/' || tenant_id || '/' || workflow_id || '/' || key, 0) AS lock
       FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS k(tenant_id, workflow_id, key) ORDER BY 1) k`,
    columnsOf(keys),
  );
}

const columnsOf = (keys: readonly TurnKey[]) => [
  keys.map(({ tenantId }) => tenantId),
  keys.map(({ workflowId }) => workflowId),
  keys.map(({ key }) => key),
];
const idOf = ({ tenantId, workflowId, key }: TurnKey): string => JSON.stringify([tenantId, workflowId, key]);

/** Decides who of those that begin gets a turn, in their order. Their keys are locked. */
export async function decideTurns(client: PoolClient, begun: readonly Begun[]): Promise<Turns> {
  const wanting = begun.flatMap((one) =>
    one.turn === undefined ? [] : [{ one, turn: one.turn, key: { ...one.step.run, key: one.turn.key } }],
  );
  if (wanting.length === 0) return { stepOf: ({ step }) => step, take: () => Promise.resolve([]) };

  const { rows } = await client.query<{ tenant_id: string; workflow_id: string; key: string; open: number }>(
    `SELECT t.tenant_id, t.workflow_id, t.key, count(*)::int AS open
     FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS k(tenant_id, workflow_id, key)) k
     JOIN turns t USING (tenant_id, workflow_id, key) GROUP BY 1, 2, 3`,
    columnsOf(wanting.map(({ key }) => key)),
  );
  const open = new Map(rows.map((row) => [idOf({ tenantId: row.tenant_id, workflowId: row.workflow_id, key: row.key }), row.open]));
  const decided = new Map<Begun, { readonly step: Step; readonly state: 'holding' | 'queued' | undefined }>();
  for (const { one, turn, key } of wanting) {
    const before = open.get(idOf(key)) ?? 0;
    const free = before < turn.limit;
    if (!free && turn.onLimit === 'drop') {
      decided.set(one, { step: turn.dropped, state: undefined });
      continue;
    }
    open.set(idOf(key), before + 1);
    decided.set(one, free ? { step: one.step, state: 'holding' } : { step: turn.queued, state: 'queued' });
  }
  return {
    stepOf: (one) => decided.get(one)?.step ?? one.step,
    async take(inserted) {
      const taken = wanting.flatMap(({ one, turn, key }) => {
        const { state, step } = decided.get(one) ?? {};
        if (state === undefined || step === undefined || !inserted.has(step.run.id) || (state === 'holding' && givesAway(step))) return [];
        return [{ key, turn, state, executionId: step.run.id }];
      });
      if (taken.length === 0) return [];
      await client.query(
        `INSERT INTO turns (tenant_id, workflow_id, key, execution_id, slots, state)
         SELECT tenant_id, workflow_id, key, execution_id, slots, state
         FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::int[], $6::text[]) WITH ORDINALITY
           AS t(tenant_id, workflow_id, key, execution_id, slots, state, ord) ORDER BY ord`,
        [
          ...columnsOf(taken.map(({ key }) => key)),
          taken.map(({ executionId }) => executionId),
          taken.map(({ turn }) => turn.limit),
          taken.map(({ state }) => state),
        ],
      );
      // Whoever was given the turn first and keeps it not: else nobody would ever pass it to those behind.
      const kept = new Set(taken.map(({ executionId }) => executionId));
      const free = new Set(
        wanting.flatMap(({ one, key }) => {
          const { state, step } = decided.get(one) ?? {};
          return state === 'holding' && step !== undefined && !kept.has(step.run.id) ? [idOf(key)] : [];
        }),
      );
      const next = taken.filter(({ key, state }) => state === 'queued' && free.has(idOf(key)));
      const promoted = await giveTurns(
        client,
        next.map(({ key }) => key),
      );
      const replacing = taken.filter(({ turn, state }) => turn.onLimit === 'cancelRunning' && state === 'queued');
      if (replacing.length === 0) return promoted;
      const cancelled = await cancelHolders(
        client,
        replacing.map(({ key }) => key),
      );
      return [...promoted, ...cancelled];
    },
  };
}

/** Those that hold the key, and those that wait for it, make room: the last to come is the one that counts. */
async function cancelHolders(client: PoolClient, keys: readonly TurnKey[]): Promise<WrittenTask[]> {
  const { rows } = await client.query<WrittenTask>(
    `INSERT INTO tasks (tenant_id, kind, execution_id, payload, ticketed_at)
     SELECT t.tenant_id, 'cancel', t.execution_id, '{"reason": "A newer run of its concurrency key took its place."}', now()
     FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS k(tenant_id, workflow_id, key)) k
     JOIN LATERAL (
       SELECT t.tenant_id, t.execution_id FROM turns t WHERE t.tenant_id = k.tenant_id AND t.workflow_id = k.workflow_id AND t.key = k.key
       ORDER BY t.seq DESC OFFSET 1
     ) t ON true
     RETURNING ${writtenTask()}`,
    columnsOf(keys),
  );
  return rows;
}

/** Gives away the turns of runs that are over or wait for an event; whoever is next gets its first task. */
export async function passTurns(client: PoolClient, steps: readonly Step[]): Promise<WrittenTask[]> {
  const keyed = steps.filter(({ run }) => run.concurrencyKey !== null);
  const back = keyed.filter(takesBack);
  if (back.length > 0) {
    await client.query(
      `INSERT INTO turns (tenant_id, workflow_id, key, execution_id, slots, state)
       SELECT k.tenant_id, k.workflow_id, k.key, k.execution_id, 1, 'holding'
       FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[]) AS k(tenant_id, workflow_id, key, execution_id)
       ON CONFLICT (tenant_id, execution_id) DO NOTHING`,
      [...columnsOf(back.map(({ run }) => ({ ...run, key: run.concurrencyKey ?? '' }))), back.map(({ run }) => run.id)],
    );
  }
  const away = keyed.filter((step) => step.run.version > 0 && givesAway(step));
  if (away.length === 0) return [];
  const keys = away.map(({ run }) => ({ ...run, key: run.concurrencyKey ?? '' }));
  await client.query(
    'DELETE FROM turns t USING unnest($1::uuid[], $2::uuid[]) AS k(tenant_id, id) WHERE t.tenant_id = k.tenant_id AND t.execution_id = k.id',
    [keys.map(({ tenantId }) => tenantId), away.map(({ run }) => run.id)],
  );
  return giveTurns(client, keys);
}

/** Those who are next for these keys, as far as there is room: they hold their turn and get their first task. */
async function giveTurns(client: PoolClient, keys: readonly TurnKey[]): Promise<WrittenTask[]> {
  if (keys.length === 0) return [];
  const { rows } = await client.query<WrittenTask>(
    `WITH next AS (
       SELECT q.tenant_id, q.execution_id
       FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS k(tenant_id, workflow_id, key)) k
       CROSS JOIN LATERAL (SELECT count(*) AS n FROM turns t
         WHERE t.tenant_id = k.tenant_id AND t.workflow_id = k.workflow_id AND t.key = k.key AND t.state = 'holding') holding
       CROSS JOIN LATERAL (
         SELECT t.tenant_id, t.execution_id, t.slots, row_number() OVER (ORDER BY t.seq) AS place FROM turns t
         WHERE t.tenant_id = k.tenant_id AND t.workflow_id = k.workflow_id AND t.key = k.key AND t.state = 'queued'
       ) q
       WHERE holding.n + q.place <= q.slots
     ), holders AS (
       UPDATE turns t SET state = 'holding' FROM next WHERE t.tenant_id = next.tenant_id AND t.execution_id = next.execution_id
       RETURNING t.tenant_id, t.execution_id
     )
     INSERT INTO tasks (tenant_id, kind, execution_id, node_id, ticketed_at)
     SELECT h.tenant_id, 'step', h.execution_id, e.entry_node_id, now()
     FROM holders h JOIN workflow_executions e ON e.tenant_id = h.tenant_id AND e.id = h.execution_id
     RETURNING ${writtenTask()}`,
    columnsOf(keys),
  );
  return rows;
}
