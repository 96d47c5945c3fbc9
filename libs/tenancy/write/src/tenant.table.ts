import { randomBytes } from 'node:crypto';
import type { JsonObject } from '@sluice/kernel';
import { type Quotas, type Tenant, TenantNotFound } from '@sluice/tenancy-domain';
import type { EntityManager } from 'typeorm';

/** With a secret of its own for effect keys (R6). False: the tenant is there already. */
export async function insertTenant(manager: EntityManager, id: string, name: string): Promise<boolean> {
  const inserted: unknown[] = await manager.query(
    'INSERT INTO tenants (id, name, effect_secret, stream_version) VALUES ($1, $2, $3, 1) ON CONFLICT (id) DO NOTHING RETURNING id',
    [id, name, randomBytes(32)],
  );
  return inserted.length > 0;
}

/** Held until the transaction ends. */
export async function lockTenant(manager: EntityManager, id: string): Promise<Tenant> {
  const [row]: { quotas: Quotas; env: JsonObject; stream_version: string }[] = await manager.query(
    'SELECT quotas, env, stream_version FROM tenants WHERE id = $1 FOR UPDATE',
    [id],
  );
  if (row === undefined) throw new TenantNotFound(id);
  return { id, quotas: row.quotas, env: row.env, streamVersion: Number(row.stream_version) };
}

export async function saveTenant(manager: EntityManager, { id, quotas, env, streamVersion }: Tenant): Promise<void> {
  await manager.query('UPDATE tenants SET quotas = $2, env = $3, stream_version = $4 WHERE id = $1', [id, quotas, env, streamVersion]);
}
