import { isJsonObject, type Json } from '@sluice/kernel';
import { NodeFailure, type StateAddress, type StateChange, type StoredState } from '@sluice/nodes';
import type { Database } from '@sluice/platform-database';
import type { Pool, PoolClient } from 'pg';
import type { Run } from '../steps/run.js';
import type { EffectPlace } from './effect-ledger.js';

/** Whose state it is: of a customer, the channel tells apart who has the same id elsewhere. */
function scopeIdOf({ scope }: StateAddress, { tenantId, workflowId, customerId, trigger }: Run): string {
  if (scope === 'tenant') return tenantId;
  if (scope === 'workflow') return workflowId;
  if (customerId !== null) return `${trigger.rerunOf?.clientId ?? trigger.clientId}/${customerId}`;
  throw new NodeFailure('customer_unknown', 'The run is about no customer: choose the scope `workflow` or `tenant`.', { retryable: false });
}

const columns = 'value, version';

export async function readState(pool: Pool, run: Run, address: StateAddress): Promise<StoredState | undefined> {
  const { rows } = await pool.query<StoredState>(
    `SELECT ${columns} FROM node_state WHERE tenant_id = $1 AND scope = $2 AND scope_id = $3 AND key = $4 AND (expires_at IS NULL OR expires_at > now())`,
    [run.tenantId, address.scope, scopeIdOf(address, run), address.key],
  );
  return rows[0];
}

/**
 * Writes, and remembers the answer in the ledger, in one transaction: the attempt that follows a worker's death finds it and does not write
 * again. `attempts`: the number of its intent.
 */
export function writeState(
  database: Database,
  run: Run,
  { executionId, nodeId, iteration }: EffectPlace,
  attempts: number,
  address: StateAddress,
  change: StateChange,
): Promise<Written> {
  const scopeId = scopeIdOf(address, run);
  const key = [run.tenantId, address.scope, scopeId, address.key];
  return database.withClient(async (client) => {
    await lockState(client, key);
    const { rows: owned } = await client.query<{ response: Json }>(
      `SELECT response FROM effects WHERE tenant_id = $1 AND execution_id = $2 AND node_id = $3 AND iteration = $4 AND attempts = $5 AND state = 'intent'
       FOR UPDATE`,
      [run.tenantId, executionId, nodeId, iteration, attempts],
    );
    const [effect] = owned;
    if (effect === undefined) throw new NodeFailure('lease_lost', 'Another worker took over.', { retryable: true });
    const done = answerIn(effect.response);
    if (done !== undefined) return done;
    const written = await applyChange(client, key, change);
    if (!written.written) return written;
    await client.query('UPDATE effects SET response = $5 WHERE tenant_id = $1 AND execution_id = $2 AND node_id = $3 AND iteration = $4', [
      run.tenantId,
      executionId,
      nodeId,
      iteration,
      JSON.stringify(written),
    ]);
    return written;
  });
}

/** Writes what no run's ledger knows of: a test of a node. */
export function writeStateOnce(database: Database, run: Run, address: StateAddress, change: StateChange): Promise<Written> {
  const key = [run.tenantId, address.scope, scopeIdOf(address, run), address.key];
  return database.withClient(async (client) => {
    await lockState(client, key);
    return applyChange(client, key, change);
  });
}

const lockState = (client: PoolClient, key: readonly string[]) =>
  client.query(`SELECT pg_advisory_xact_lock(hashtextextended('sluice.state/' || $1::text, 0))`, [JSON.stringify(key)]);

/** Under its lock. */
async function applyChange(client: PoolClient, key: readonly string[], change: StateChange): Promise<Written> {
  const before = await current(client, key);
  if (change.ifVersion !== undefined && change.ifVersion !== (before?.version ?? 0)) return { written: false, now: before };

  const version = (before?.version ?? 0) + 1;
  if (change.value === undefined) {
    await client.query('DELETE FROM node_state WHERE tenant_id = $1 AND scope = $2 AND scope_id = $3 AND key = $4', [...key]);
  } else {
    await client.query(
      `INSERT INTO node_state (tenant_id, scope, scope_id, key, value, version, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, now() + $7 * interval '1 millisecond')
       ON CONFLICT (tenant_id, scope, scope_id, key) DO UPDATE
       SET value = excluded.value, version = excluded.version, expires_at = excluded.expires_at, updated_at = now()`,
      [...key, JSON.stringify(change.value), version, change.ttlMs ?? null],
    );
  }
  const now = change.value === undefined ? undefined : { value: change.value, version };
  return { written: true, now };
}

type Written = { readonly written: boolean; readonly now: StoredState | undefined };

/** What an attempt that was lost has written. */
function answerIn(response: Json): Written | undefined {
  if (!isJsonObject(response) || response['written'] !== true) return undefined;
  const { now } = response;
  const known =
    isJsonObject(now) && typeof now['version'] === 'number' ? { value: now['value'] ?? null, version: now['version'] } : undefined;
  return { written: true, now: known };
}

async function current(client: PoolClient, key: readonly string[]): Promise<StoredState | undefined> {
  const { rows } = await client.query<StoredState>(
    `SELECT ${columns} FROM node_state WHERE tenant_id = $1 AND scope = $2 AND scope_id = $3 AND key = $4 AND (expires_at IS NULL OR expires_at > now())`,
    [...key],
  );
  return rows[0];
}
