import type { KeyInUse, Queryable, SealedItem, SealedPlace } from './credential-store.js';

interface SealedRow {
  readonly of: string;
  readonly tenant_id: string;
  readonly id: string;
  readonly context: string;
  readonly key_id: string;
  readonly sealed: Buffer;
}

/** Tables with sealed secrets, and what each is sealed for, as `sealingContext` and `appSealingContext` have it. */
const tables = [
  ['credentials', `concat_ws('|', tenant_id, channel_id, version)`],
  ['provider_apps', `concat_ws('|', tenant_id, 'provider_app', id)`],
  ['http_credentials', `concat_ws('|', tenant_id, id, version)`],
] as const;

const sealedRows = tables
  .map(
    ([table, context]) =>
      `SELECT '${table}' AS of, tenant_id, id, ${context} AS context, key_id, sealed FROM ${table} WHERE sealed IS NOT NULL`,
  )
  .join(' UNION ALL ');

/** What is sealed in the command store, of every tenant. `keysInUse` may be asked by the command API too, the rest as `sluice_service`. */
export const commandStore = (db: Queryable): SealedPlace => ({
  name: 'Postgres',
  keysInUse: async () => {
    const { rows } = await db.query({
      name: 'sealed-by-key',
      text: 'SELECT key_id, secrets, context, sealed FROM sealed_by_key()',
      values: [],
    });
    return (rows as { key_id: string; secrets: number; context: string; sealed: Buffer }[]).map(
      ({ key_id: keyId, secrets, context, sealed: bytes }): KeyInUse => ({ keyId, secrets, one: { context, bytes } }),
    );
  },
  notSealedWith: async (keyId, after, countMax) => {
    const { rows } = await db.query({
      name: 'not-sealed-with',
      text: `SELECT * FROM (${sealedRows}) s WHERE key_id <> $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3`,
      values: [keyId, after ?? null, countMax],
    });
    return (rows as SealedRow[]).map((row) => itemOf(db, row));
  },
});

/** What somebody changes is another row, or is sealed with another key. */
const itemOf = (db: Queryable, { of, tenant_id: tenantId, id, context, key_id: oldKeyId, sealed }: SealedRow): SealedItem => ({
  id: `${of} ${id}`,
  cursor: id,
  reseal: async (anew) => {
    const { keyId, bytes } = anew({ keyId: oldKeyId, bytes: sealed }, context);
    const { rows } = await db.query({
      name: `reseal-${of}`,
      text: `UPDATE ${of} SET key_id = $4, sealed = $5 WHERE tenant_id = $1 AND id = $2 AND key_id = $3 RETURNING id`,
      values: [tenantId, id, oldKeyId, keyId, bytes],
    });
    return rows.length === 1;
  },
});
