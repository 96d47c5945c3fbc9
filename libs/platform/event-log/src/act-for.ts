import type { EntityManager } from 'typeorm';

/** Row-level security lets the transaction see this tenant's rows from here on, and no other's. */
export async function actFor(manager: EntityManager, tenantId: string): Promise<void> {
  await manager.query(`SELECT set_config('app.tenant_id', $1, true)`, [tenantId]);
}
