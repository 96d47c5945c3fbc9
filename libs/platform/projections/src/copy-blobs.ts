import { blobsIn } from '@sluice/kernel';
import type { Database } from '@sluice/platform-database';
import type { LoggedEvent } from '@sluice/platform-event-log';

/**
 * Copies the large values that these events refer to, so that what the read models show can be read where they are. Before the events are
 * projected, and again without harm: a value never changes.
 */
export async function copyBlobs(log: Database, store: Database, events: readonly LoggedEvent[]): Promise<void> {
  const wanted = events.flatMap(({ tenantId, payload }) => blobsIn(payload).map(({ sha256 }) => ({ tenantId, sha256 })));
  if (wanted.length === 0) return;
  const { rows } = await log.pool.query<{ tenant_id: string; sha256: Buffer; bytes: Buffer }>(
    `SELECT b.tenant_id, b.sha256, b.bytes
     FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::bytea[]) AS k(tenant_id, sha256)) k JOIN blobs b USING (tenant_id, sha256)`,
    [wanted.map(({ tenantId }) => tenantId), wanted.map(({ sha256 }) => Buffer.from(sha256, 'hex'))],
  );
  for (const { tenant_id: tenantId, sha256, bytes } of rows) {
    await store.pool.query('INSERT INTO blobs (tenant_id, sha256, bytes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [
      tenantId,
      sha256,
      bytes,
    ]);
  }
}
