import { CredentialNotFound, type EncryptionKey, type HttpCredential, open, seal } from '@sluice/channels-domain';
import type { EntityManager } from 'typeorm';
import { sealingContext } from './channel.table.js';

/** Credentials are never changed: another secret is another credential. */
const version = 1;

interface Described {
  readonly tenantId: string;
  readonly id: string;
  readonly name: string;
  readonly createdBy: string;
}

export async function insertHttpCredential(
  manager: EntityManager,
  { tenantId, id, name, createdBy }: Described,
  credential: HttpCredential,
  keys: readonly EncryptionKey[],
): Promise<void> {
  const { keyId, bytes } = seal(JSON.stringify(credential), sealingContext(tenantId, id, version), keys);
  await manager.query(
    'INSERT INTO http_credentials (tenant_id, id, name, type, version, key_id, sealed, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)',
    [tenantId, id, name, credential.secret.type, version, keyId, bytes, createdBy],
  );
}

export async function deleteHttpCredential(manager: EntityManager, tenantId: string, id: string): Promise<void> {
  const [, deleted]: [unknown, number] = await manager.query('DELETE FROM http_credentials WHERE tenant_id = $1 AND id = $2', [
    tenantId,
    id,
  ]);
  if (deleted === 0) throw new CredentialNotFound(id);
}

/** Of `ids`, those that are the tenant's. */
export async function knownHttpCredentials(manager: EntityManager, tenantId: string, ids: readonly string[]): Promise<string[]> {
  const rows: { id: string }[] = await manager.query('SELECT id FROM http_credentials WHERE tenant_id = $1 AND id = ANY ($2)', [
    tenantId,
    ids,
  ]);
  return rows.map(({ id }) => id);
}

interface Queryable {
  query(query: { readonly name: string; readonly text: string; readonly values: unknown[] }): Promise<{
    rows: { version: number; key_id: string; sealed: Buffer }[];
  }>;
}

/** Opened for one call; never to be logged or kept. Undefined: the tenant has no such credential. */
export async function readHttpCredential(
  db: Queryable,
  tenantId: string,
  id: string,
  keys: readonly EncryptionKey[],
): Promise<HttpCredential | undefined> {
  const { rows } = await db.query({
    name: 'http-credential',
    text: 'SELECT version, key_id, sealed FROM http_credentials WHERE tenant_id = $1 AND id = $2',
    values: [tenantId, id],
  });
  const [row] = rows;
  if (row === undefined) return undefined;
  const credential: HttpCredential = JSON.parse(
    open({ keyId: row.key_id, bytes: row.sealed }, sealingContext(tenantId, id, row.version), keys),
  );
  return credential;
}
