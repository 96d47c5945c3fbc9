import { randomBytes } from 'node:crypto';
import type { EntityManager } from 'typeorm';

/** With a secret of its own for effect keys (R6). False: the tenant is there already. */
export async function insertTenant(manager: EntityManager, id: string, name: string): Promise<boolean> {
  const inserted: unknown[] = await manager.query(
    'INSERT INTO tenants (id, name, effect_secret, stream_version) VALUES ($1, $2, $3, 1) ON CONFLICT (id) DO NOTHING RETURNING id',
    [id, name, randomBytes(32)],
  );
  return inserted.length > 0;
}
