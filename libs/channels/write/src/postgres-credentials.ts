import type { Channel } from '@sluice/channels-domain';
import { type JsonObject, newId } from '@sluice/kernel';
import {
  type ChannelId,
  CredentialsAreMissing,
  CredentialStore,
  type CredentialTransaction,
  type Envelope,
  type Queryable,
  type SealedChannel,
} from './credential-store.js';

interface Row {
  readonly tenant_id: string;
  readonly id: string;
  readonly provider: string;
  readonly name: string;
  readonly external_account_id: string | null;
  readonly config: JsonObject;
  readonly status: Channel['status'];
  readonly expires_at: Date | null;
  readonly health: Channel['health'];
  readonly health_reason: Channel['healthReason'];
  readonly credentials_version: number;
  readonly credentials_outside: number | null;
  readonly version: number | null;
  readonly key_id: string;
  readonly sealed: Buffer;
}

/** A channel, and where its credentials are: here, or outside under a version. */
export type FoundChannel = Omit<SealedChannel, 'envelope'> & {
  readonly envelope: Envelope | undefined;
  readonly outsideVersion: number | undefined;
};

/** A channel that is not deleted. As `sluice_service`, which sees every tenant, `tenantId` may be left out. */
export async function findChannel(db: Queryable, channelId: string, tenantId?: string): Promise<FoundChannel | undefined> {
  const { rows } = await db.query({
    name: 'channel-with-credentials',
    text: `SELECT c.tenant_id, c.id, c.provider, c.name, c.external_account_id, c.config, c.status, c.expires_at, c.health, c.health_reason,
                  c.credentials_version, c.credentials_outside, k.version, k.key_id, k.sealed
           FROM channels c
           LEFT JOIN LATERAL (SELECT version, key_id, sealed FROM credentials
                              WHERE tenant_id = c.tenant_id AND channel_id = c.id ORDER BY version DESC LIMIT 1) k ON true
           WHERE c.id = $1 AND ($2::uuid IS NULL OR c.tenant_id = $2) AND c.status <> 'deleted'`,
    values: [channelId, tenantId ?? null],
  });
  const [row] = rows as Row[];
  if (row === undefined) return undefined;
  return {
    tenantId: row.tenant_id,
    id: row.id,
    provider: row.provider,
    name: row.name,
    externalAccountId: row.external_account_id,
    config: row.config,
    status: row.status,
    expiresAt: row.expires_at,
    health: row.health,
    healthReason: row.health_reason,
    credentialsVersion: row.credentials_version,
    envelope: row.version === null ? undefined : { version: row.version, keyId: row.key_id, bytes: row.sealed },
    outsideVersion: row.credentials_outside ?? undefined,
  };
}

/** Sealed credentials as rows of the command store: all of it is one transaction. */
export class PostgresCredentials extends CredentialStore {
  async save({ manager }: CredentialTransaction, { tenantId, id }: Channel, { version, keyId, bytes }: Envelope): Promise<void> {
    await manager.query('INSERT INTO credentials (tenant_id, id, channel_id, version, key_id, sealed) VALUES ($1, $2, $3, $4, $5, $6)', [
      tenantId,
      newId(),
      id,
      version,
      keyId,
      bytes,
    ]);
    await manager.query('DELETE FROM credentials WHERE tenant_id = $1 AND channel_id = $2 AND version < $3', [tenantId, id, version]);
    await manager.query(
      'UPDATE channels SET credentials_outside = NULL WHERE tenant_id = $1 AND id = $2 AND credentials_outside IS NOT NULL',
      [tenantId, id],
    );
  }

  async find(db: Queryable, channelId: string, tenantId?: string): Promise<SealedChannel | undefined> {
    const found = await findChannel(db, channelId, tenantId);
    if (found === undefined) return undefined;
    const { outsideVersion, envelope, ...channel } = found;
    if (outsideVersion !== undefined || envelope === undefined) throw new CredentialsAreMissing(channelId, 'Postgres');
    return { ...channel, envelope };
  }

  async remove({ manager }: CredentialTransaction, { tenantId, id }: ChannelId): Promise<void> {
    await manager.query('DELETE FROM credentials WHERE tenant_id = $1 AND channel_id = $2', [tenantId, id]);
  }

  removeLeft(): Promise<void> {
    return Promise.resolve();
  }

  outside(): undefined {
    return undefined;
  }

  trouble(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
}
