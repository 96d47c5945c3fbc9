import { createHash } from 'node:crypto';
import { DomainError } from '@sluice/kernel';
import type { IdempotentRequest } from '@sluice/platform-telemetry';
import type { EntityManager } from 'typeorm';
import { actFor } from './act-for.js';

export class IdempotencyKeyIsReused extends DomainError {
  constructor() {
    super('invalid', 'idempotency_key_reused', 'This Idempotency-Key was used for another request. A new request needs a new key.');
  }
}

export class CommandIsRunning extends DomainError {
  constructor() {
    super('conflict', 'command_is_running', 'The first request with this Idempotency-Key is still being carried out; try again.', {
      retryAfterSeconds: 1,
    });
  }
}

/**
 * Takes the key until the transaction ends, and looks whether its command was carried out before. Two statements: the second must see
 * what the key's last holder committed.
 */
export async function takeKey<T>(manager: EntityManager, request: IdempotentRequest): Promise<{ readonly result: T } | undefined> {
  const { tenantId, requestHash } = request;
  await actFor(manager, tenantId);
  const keyHash = hashOf(request);
  const [lock]: { taken: boolean }[] = await manager.query('SELECT pg_try_advisory_xact_lock($1) AS taken', [lockOf(tenantId, keyHash)]);
  if (lock?.taken !== true) throw new CommandIsRunning();

  const [kept]: { answer: { result: T }; requestHash: Buffer }[] = await manager.query(
    'SELECT answer, request_hash AS "requestHash" FROM idempotency_keys WHERE tenant_id = $1 AND key_hash = $2',
    [tenantId, keyHash],
  );
  if (kept === undefined) return undefined;
  if (!kept.requestHash.equals(requestHash)) throw new IdempotencyKeyIsReused();
  return kept.answer;
}

/** In the same transaction as what the command changed. */
export async function keepResult(manager: EntityManager, request: IdempotentRequest, result: unknown): Promise<void> {
  await actFor(manager, request.tenantId);
  await manager.query('INSERT INTO idempotency_keys (tenant_id, key_hash, request_hash, answer) VALUES ($1, $2, $3, $4)', [
    request.tenantId,
    hashOf(request),
    request.requestHash,
    JSON.stringify({ result }),
  ]);
}

const hashOf = ({ key }: IdempotentRequest): Buffer => createHash('sha256').update(key).digest();

const lockOf = (tenantId: string, keyHash: Buffer): string =>
  createHash('sha256').update(tenantId).update(keyHash).digest().readBigInt64BE().toString();
