import { type Channel, type ChannelCredentials, type EncryptionKey, open } from '@sluice/channels-domain';
import type { JsonObject } from '@sluice/kernel';
import { sealingContext } from './channel.table.js';

/** A channel with what it needs to verify and to send; never to be logged or kept outside this process. */
export interface OpenChannel extends Pick<
  Channel,
  | 'tenantId'
  | 'id'
  | 'provider'
  | 'name'
  | 'externalAccountId'
  | 'config'
  | 'status'
  | 'expiresAt'
  | 'health'
  | 'healthReason'
  | 'credentialsVersion'
> {
  readonly secrets: ChannelCredentials;
}

interface Row {
  tenant_id: string;
  id: string;
  provider: string;
  name: string;
  external_account_id: string | null;
  config: JsonObject;
  status: Channel['status'];
  expires_at: Date | null;
  health: Channel['health'];
  health_reason: Channel['healthReason'];
  version: number;
  key_id: string;
  sealed: Buffer;
}

interface Queryable {
  query(query: { readonly name: string; readonly text: string; readonly values: unknown[] }): Promise<{ rows: Row[] }>;
}

const columns = `c.tenant_id, c.id, c.provider, c.name, c.external_account_id, c.config, c.status, c.expires_at, c.health, c.health_reason,
  k.version, k.key_id, k.sealed`;

/**
 * A channel by the id that a path names, opened with the newest version of its credentials. As `sluice_service`, which sees every
 * tenant, `tenantId` may be left out; given, only that tenant's channel is found.
 */
export async function readChannel(
  db: Queryable,
  channelId: string,
  keys: readonly EncryptionKey[],
  tenantId?: string,
): Promise<OpenChannel | undefined> {
  const { rows } = await db.query({
    name: 'channel-with-credentials',
    text: `SELECT ${columns}
           FROM channels c
           JOIN LATERAL (SELECT version, key_id, sealed FROM credentials
                         WHERE tenant_id = c.tenant_id AND channel_id = c.id ORDER BY version DESC LIMIT 1) k ON true
           WHERE c.id = $1 AND ($2::uuid IS NULL OR c.tenant_id = $2)`,
    values: [channelId, tenantId ?? null],
  });
  const [row] = rows;
  if (row === undefined) return undefined;
  const sealed = { keyId: row.key_id, bytes: row.sealed };
  const secrets: ChannelCredentials = JSON.parse(open(sealed, sealingContext(row.tenant_id, row.id, row.version), keys));
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
    credentialsVersion: row.version,
    secrets,
  };
}
