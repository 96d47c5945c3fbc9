import { type ApiKey, ApiKeyNotFound } from '@sluice/tenancy-domain';
import { type EntityManager, EntitySchema } from 'typeorm';

export const apiKeyTable = new EntitySchema<ApiKey>({
  name: 'api_keys',
  columns: {
    tenantId: { type: 'uuid', name: 'tenant_id', primary: true },
    id: { type: 'uuid', primary: true },
    name: { type: 'text' },
    role: { type: 'text' },
    prefix: { type: 'text' },
    hash: { type: 'bytea' },
    expiresAt: { type: 'timestamptz', name: 'expires_at', nullable: true },
    revokedAt: { type: 'timestamptz', name: 'revoked_at', nullable: true },
    createdBy: { type: 'text', name: 'created_by' },
    streamVersion: { type: 'bigint', name: 'stream_version' },
  },
});

/** Held until the transaction ends. */
export async function lockApiKey(manager: EntityManager, tenantId: string, id: string): Promise<ApiKey> {
  const apiKey = await manager.findOne(apiKeyTable, { where: { tenantId, id }, lock: { mode: 'pessimistic_write' } });
  if (apiKey === null) throw new ApiKeyNotFound(id);
  return apiKey;
}

/** False: the tenant has this very key already. */
export async function insertApiKey(manager: EntityManager, apiKey: ApiKey): Promise<boolean> {
  const { tenantId, id, name, role, prefix, hash, expiresAt, createdBy, streamVersion } = apiKey;
  const inserted: unknown[] = await manager.query(
    `INSERT INTO api_keys (tenant_id, id, name, role, prefix, hash, expires_at, created_by, stream_version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     ON CONFLICT (tenant_id, hash) DO NOTHING RETURNING id`,
    [tenantId, id, name, role, prefix, hash, expiresAt, createdBy, streamVersion],
  );
  return inserted.length > 0;
}

export async function saveApiKey(manager: EntityManager, { tenantId, id, revokedAt, streamVersion }: ApiKey): Promise<void> {
  await manager.query('UPDATE api_keys SET revoked_at = $3, stream_version = $4 WHERE tenant_id = $1 AND id = $2', [
    tenantId,
    id,
    revokedAt,
    streamVersion,
  ]);
}
