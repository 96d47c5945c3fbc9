import { createHash, createHmac } from 'node:crypto';
import { type Iteration, keyOf } from '@sluice/engine';
import { isJsonObject, type Json, type JsonObject, storable } from '@sluice/kernel';
import type { Database } from '@sluice/platform-database';
import { appendEvents, type LogEntry } from '@sluice/platform-event-log';
import type { PoolClient } from 'pg';

/** An effect that is about to be performed. */
export interface Intent {
  readonly tenantId: string;
  readonly executionId: string;
  readonly nodeId: string;
  readonly iteration: Iteration;
  readonly taskId: number;
  readonly taskEpoch: number;
  readonly effectSecret: Buffer;
  readonly requestHash: Buffer;
}

/** What the ledger knows of an effect once its intent is recorded. */
export interface Recorded {
  /** Stored at the first intent and never computed again (R6) */
  readonly effectKey: string;
  /** Counts the intents: the result is written under this number, so that only the newest attempt may write it. */
  readonly attempts: number;
  /**
   * `new`: never tried. `again`: its last attempt is known to have failed. `unknown`: somebody meant to send it, or did, and nobody knows
   * whether it arrived. `succeeded`: it was sent, and only its step was not committed.
   */
  readonly before: 'new' | 'again' | 'unknown' | 'succeeded';
  /** When its first attempt began */
  readonly since: Date;
  /** `unknown`: when that attempt began */
  readonly unknownSince?: Date;
  readonly response: Json;
}

export interface EffectPlace {
  readonly tenantId: string;
  readonly executionId: string;
  readonly nodeId: string;
  readonly iteration: Iteration;
}

export const effectId = ({ tenantId, executionId, nodeId, iteration }: EffectPlace): string =>
  `${tenantId}/${executionId}/${keyOf(nodeId, iteration)}`;

/**
 * What the target is told, the same for every attempt (R6). A person's retry of what had failed is another generation, and so another key.
 */
export const effectKey = (secret: Buffer, { executionId, nodeId, iteration }: Omit<EffectPlace, 'tenantId'>, generation = 1): string =>
  createHmac('sha256', secret)
    .update(`${executionId}\0${keyOf(nodeId, iteration)}\0${0}${generation === 1 ? '' : `\0${generation}`}`)
    .digest('base64url');

/** Tells whether an effect's evaluated config is another one. */
export const requestHashOf = (config: JsonObject): Buffer => createHash('sha256').update(JSON.stringify(config)).digest();

/** Intent before, result after: one transaction for the intents of many tasks, each of whose lease the caller holds. */
export function recordIntents(database: Database, intents: readonly Intent[]): Promise<ReadonlyMap<string, Recorded>> {
  return database.withClient(async (client) => {
    const keys = [
      intents.map(({ tenantId }) => tenantId),
      intents.map(({ executionId }) => executionId),
      intents.map(({ nodeId }) => nodeId),
      intents.map(({ iteration }) => iteration),
    ];
    const { rows: known } = await client.query<{
      tenant_id: string;
      execution_id: string;
      node_id: string;
      iteration: string;
      state: 'intent' | 'succeeded' | 'failed' | 'in_doubt';
      response: Json;
      attempts: number;
      updated_at: Date;
    }>(
      `SELECT e.tenant_id, e.execution_id, e.node_id, e.iteration, e.state, e.response, e.attempts, e.updated_at
       FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) AS k(tenant_id, execution_id, node_id, iteration)
       JOIN effects e USING (tenant_id, execution_id, node_id, iteration)
       ORDER BY e.tenant_id, e.execution_id, e.node_id, e.iteration FOR UPDATE OF e`,
      keys,
    );
    const before = new Map(known.map((row) => [effectId(placeOf(row)), { response: row.response, ...stateOf(row) }]));
    // Who no longer holds its task's lease records no intent and gets no answer.
    const { rows: recorded } = await client.query<{
      tenant_id: string;
      execution_id: string;
      node_id: string;
      iteration: string;
      effect_key: string;
      attempts: number;
      created_at: Date;
    }>(
      `INSERT INTO effects (tenant_id, execution_id, node_id, iteration, state, effect_key, request_hash, task_epoch)
       SELECT v.tenant_id, v.execution_id, v.node_id, v.iteration, 'intent', v.effect_key, v.request_hash, v.epoch
       FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bigint[], $8::int[])
         AS v(tenant_id, execution_id, node_id, iteration, effect_key, request_hash, task_id, epoch)
       JOIN tasks t ON t.id = v.task_id AND t.epoch = v.epoch AND t.status = 'leased'
       ORDER BY 1, 2, 3, 4
       ON CONFLICT (tenant_id, execution_id, node_id, iteration, ordinal) DO UPDATE
       SET state = CASE WHEN effects.state = 'succeeded' THEN effects.state ELSE 'intent' END,
           task_epoch = excluded.task_epoch, attempts = effects.attempts + 1, updated_at = now()
       RETURNING tenant_id, execution_id, node_id, iteration, effect_key, attempts, created_at`,
      [
        ...keys,
        intents.map((intent) => effectKey(intent.effectSecret, intent)),
        intents.map(({ requestHash }) => requestHash),
        intents.map(({ taskId }) => taskId),
        intents.map(({ taskEpoch }) => taskEpoch),
      ],
    );
    return new Map(
      recorded.map((row) => {
        const id = effectId(placeOf(row));
        const { effect_key: effectKey, attempts, created_at: since } = row;
        return [id, { before: 'new' as const, response: null, ...before.get(id), effectKey, attempts, since }];
      }),
    );
  });
}

interface Known {
  readonly state: 'intent' | 'succeeded' | 'failed' | 'in_doubt';
  readonly response: Json;
  readonly attempts: number;
  readonly updated_at: Date;
}

/** `unknown` in a response: the attempt that it was written for, or one before it, may have arrived. With a later intent it says nothing any more. */
function stateOf({ state, response, attempts, updated_at: updatedAt }: Known): Pick<Recorded, 'before' | 'unknownSince'> {
  if (state === 'succeeded') return { before: 'succeeded' };
  const unknown = isJsonObject(response) ? response['unknown'] : undefined;
  const isOfThis = isJsonObject(unknown) && unknown['attempts'] === attempts && typeof unknown['since'] === 'string';
  if (isOfThis) return { before: 'unknown', unknownSince: new Date(String(unknown['since'])) };
  return state === 'failed' ? { before: 'again' } : { before: 'unknown', unknownSince: updatedAt };
}

/**
 * An attempt that was not made: its task is due again later, its intent is taken back. Where nobody knew what had come of an attempt
 * before, nobody knows still. `told`: what the log is told of it, if it is. False: the task is somebody else's by now.
 */
export async function putOffEffect(
  database: Database,
  task: { readonly id: number; readonly epoch: number },
  { tenantId, executionId, nodeId, iteration }: EffectPlace,
  { attempts, before }: Recorded,
  response: Json,
  { afterMs, heldFor = null }: { readonly afterMs: number; readonly heldFor?: string | null },
  told?: LogEntry,
): Promise<boolean> {
  const putOff = async (client: Pick<PoolClient, 'query'>): Promise<boolean> => {
    const { rowCount } = await client.query({
      name: 'put-off-effect',
      text: `WITH off AS (
               UPDATE tasks SET status = 'ready', lease_owner = NULL, lease_until = NULL, ticketed_at = NULL, gen = gen + 1,
                      run_after = now() + $9 * interval '1 millisecond', held_for = $11
               WHERE id = $1 AND epoch = $2 AND status = 'leased' RETURNING id
             )
             UPDATE effects e SET state = $7, response = $8, updated_at = now() FROM off
             WHERE e.tenant_id = $3 AND e.execution_id = $4 AND e.node_id = $5 AND e.iteration = $6 AND e.attempts = $10 AND e.state = 'intent'`,
      values: [
        task.id,
        task.epoch,
        tenantId,
        executionId,
        nodeId,
        iteration,
        before === 'unknown' ? 'intent' : 'failed',
        JSON.stringify(storable(response)),
        afterMs,
        attempts,
        heldFor,
      ],
    });
    return rowCount === 1;
  };
  if (told === undefined) return putOff(database.pool);
  return database.withClient(async (client) => {
    const isPutOff = await putOff(client);
    if (isPutOff) await appendEvents(client, [told]);
    return isPutOff;
  });
}

const placeOf = (row: { tenant_id: string; execution_id: string; node_id: string; iteration: string }): EffectPlace => ({
  tenantId: row.tenant_id,
  executionId: row.execution_id,
  nodeId: row.node_id,
  iteration: row.iteration,
});
