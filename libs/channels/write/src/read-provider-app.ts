import { type EncryptionKey, open, type ProviderApp, type ProviderAppCredentials } from '@sluice/channels-domain';
import { appSealingContext } from './provider-app.table.js';

/** A provider app with what it needs to verify; never to be logged or kept outside this process. */
export interface OpenProviderApp extends Pick<ProviderApp, 'tenantId' | 'id' | 'provider'> {
  readonly secrets: ProviderAppCredentials;
}

interface Row {
  tenant_id: string;
  id: string;
  provider: string;
  key_id: string;
  sealed: Buffer;
}

interface Queryable {
  query(query: { readonly name: string; readonly text: string; readonly values: unknown[] }): Promise<{ rows: Row[] }>;
}

/** An app that is not deleted, by the id that a path names; as `sluice_service`, which sees every tenant. */
export async function readProviderApp(db: Queryable, appId: string, keys: readonly EncryptionKey[]): Promise<OpenProviderApp | undefined> {
  const { rows } = await db.query({
    name: 'provider-app',
    text: `SELECT tenant_id, id, provider, key_id, sealed FROM provider_apps WHERE id = $1 AND status = 'active'`,
    values: [appId],
  });
  const [row] = rows;
  if (row === undefined) return undefined;
  const { tenant_id: tenantId, id, provider, key_id: keyId, sealed: bytes } = row;
  return { tenantId, id, provider, secrets: JSON.parse(open({ keyId, bytes }, appSealingContext(tenantId, id), keys)) };
}
