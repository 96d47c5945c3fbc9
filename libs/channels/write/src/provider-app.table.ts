import { type EncryptionKey, type ProviderApp, type ProviderAppCredentials, ProviderAppNotFound, seal } from '@sluice/channels-domain';
import { type EntityManager, EntitySchema } from 'typeorm';

export const providerAppTable = new EntitySchema<ProviderApp>({
  name: 'provider_apps',
  columns: {
    tenantId: { type: 'uuid', name: 'tenant_id', primary: true },
    id: { type: 'uuid', primary: true },
    provider: { type: 'text' },
    name: { type: 'text' },
    status: { type: 'text' },
    createdBy: { type: 'text', name: 'created_by' },
    streamVersion: { type: 'bigint', name: 'stream_version' },
  },
});

/** Held until the transaction ends. */
export async function lockProviderApp(manager: EntityManager, tenantId: string, id: string): Promise<ProviderApp> {
  const app = await manager.findOne(providerAppTable, { where: { tenantId, id }, lock: { mode: 'pessimistic_write' } });
  if (app === null) throw new ProviderAppNotFound(id);
  return app;
}

/** What a sealed secret is bound to: moved to another app, it does not open. */
export const appSealingContext = (tenantId: string, appId: string) => `${tenantId}|provider_app|${appId}`;

export async function insertProviderApp(
  manager: EntityManager,
  { tenantId, id, provider, name, status, createdBy, streamVersion }: ProviderApp,
  credentials: ProviderAppCredentials,
  keys: readonly EncryptionKey[],
): Promise<void> {
  const { keyId, bytes } = seal(JSON.stringify(credentials), appSealingContext(tenantId, id), keys);
  await manager.query(
    `INSERT INTO provider_apps (tenant_id, id, provider, name, status, key_id, sealed, created_by, stream_version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [tenantId, id, provider, name, status, keyId, bytes, createdBy, streamVersion],
  );
}
