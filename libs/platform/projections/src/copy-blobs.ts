import { blobsIn } from '@sluice/kernel';
import type { Database } from '@sluice/platform-database';
import type { LoggedEvent } from '@sluice/platform-event-log';

/** Read at a time; a larger one alone */
const bytesMax = 8 * 1024 * 1024;

interface Wanted {
  readonly tenantId: string;
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * Copies the large values that these events refer to, so that what the read models show can be read where they are. Before the events are
 * projected, and again without harm: a value never changes.
 */
export async function copyBlobs(log: Database, store: Database, events: readonly LoggedEvent[]): Promise<void> {
  const wanted = events.flatMap(({ tenantId, payload }) => blobsIn(payload).map((blob): Wanted => ({ tenantId, ...blob })));
  if (wanted.length === 0) return;
  const missing = new Map(wanted.map((one) => [`${one.tenantId}/${one.sha256}`, one]));
  // What an event refers to, those that follow from it refer to as well.
  const { rows } = await store.pool.query<{ known: string }>(
    `SELECT tenant_id || '/' || encode(sha256, 'hex') AS known FROM unnest($1::uuid[], $2::bytea[]) AS k(tenant_id, sha256) JOIN blobs USING (tenant_id, sha256)`,
    keysOf(wanted),
  );
  for (const { known } of rows) missing.delete(known);
  for (const portion of inPortions([...missing.values()])) await copyPortion(log, store, portion);
}

const keysOf = (wanted: readonly Wanted[]) => [
  wanted.map(({ tenantId }) => tenantId),
  wanted.map(({ sha256 }) => Buffer.from(sha256, 'hex')),
];

function inPortions(wanted: readonly Wanted[]): readonly (readonly Wanted[])[] {
  const portions: Wanted[][] = [];
  let bytes = 0;
  for (const one of wanted) {
    const last = portions.at(-1);
    bytes += one.bytes;
    if (last !== undefined && bytes <= bytesMax) last.push(one);
    else {
      portions.push([one]);
      bytes = one.bytes;
    }
  }
  return portions;
}

async function copyPortion(log: Database, store: Database, wanted: readonly Wanted[]): Promise<void> {
  const { rows } = await log.pool.query<{ tenant_id: string; sha256: Buffer; bytes: Buffer }>(
    `SELECT b.tenant_id, b.sha256, b.bytes FROM unnest($1::uuid[], $2::bytea[]) AS k(tenant_id, sha256) JOIN blobs b USING (tenant_id, sha256)`,
    keysOf(wanted),
  );
  for (const { tenant_id: tenantId, sha256, bytes } of rows) {
    await store.pool.query('INSERT INTO blobs (tenant_id, sha256, bytes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [
      tenantId,
      sha256,
      bytes,
    ]);
  }
}
