import { type Channel, ChannelNotFound } from '@sluice/channels-domain';
import { type EntityManager, EntitySchema } from 'typeorm';

export const channelTable = new EntitySchema<Channel>({
  name: 'channels',
  columns: {
    tenantId: { type: 'uuid', name: 'tenant_id', primary: true },
    id: { type: 'uuid', primary: true },
    provider: { type: 'text' },
    name: { type: 'text' },
    externalAccountId: { type: 'text', name: 'external_account_id', nullable: true },
    status: { type: 'text' },
    config: { type: 'jsonb' },
    expiresAt: { type: 'timestamptz', name: 'expires_at', nullable: true },
    credentialsVersion: { type: 'int', name: 'credentials_version' },
    health: { type: 'text' },
    healthReason: { type: 'jsonb', name: 'health_reason', nullable: true },
    warnedDays: { type: 'int', name: 'warned_days', nullable: true },
    createdBy: { type: 'text', name: 'created_by' },
    streamVersion: { type: 'bigint', name: 'stream_version' },
  },
});

/** Held until the transaction ends. */
export async function lockChannel(manager: EntityManager, tenantId: string, id: string): Promise<Channel> {
  const channel = await manager.findOne(channelTable, { where: { tenantId, id }, lock: { mode: 'pessimistic_write' } });
  if (channel === null) throw new ChannelNotFound(id);
  return channel;
}

export async function insertChannel(manager: EntityManager, channel: Channel): Promise<void> {
  const { tenantId, id, provider, name, externalAccountId, status, config, expiresAt, createdBy, streamVersion } = channel;
  await manager.query(
    `INSERT INTO channels (tenant_id, id, provider, name, external_account_id, status, config, expires_at, created_by, stream_version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [tenantId, id, provider, name, externalAccountId, status, config, expiresAt, createdBy, streamVersion],
  );
}

/** It is looked at soon, since what is due for it may be another now. */
export async function saveChannel(manager: EntityManager, channel: Channel): Promise<void> {
  const { tenantId, id, status, expiresAt, streamVersion, credentialsVersion, health, healthReason, warnedDays } = channel;
  await manager.query(
    `UPDATE channels
     SET status = $3, expires_at = $4, stream_version = $5, health = $6, health_reason = $7, warned_days = $8, credentials_version = $9,
         care_at = now(), updated_at = now()
     WHERE tenant_id = $1 AND id = $2`,
    [tenantId, id, status, expiresAt, streamVersion, health, healthReason, warnedDays, credentialsVersion],
  );
}

/**
 * Waits until every commit of this channel's events is over, and keeps the next ones waiting until this transaction ends, so that none of
 * them is decided by the status before. Asked for before the channel's row.
 */
export async function lockArrivals(manager: EntityManager, tenantId: string, channelId: string): Promise<void> {
  await manager.query('SELECT pg_advisory_xact_lock(channel_arrivals($1, $2))', [tenantId, channelId]);
}

/** What a sealed secret is bound to: moved to another channel or version, it does not open. */
export const sealingContext = (tenantId: string, channelId: string, version: number) => `${tenantId}|${channelId}|${version}`;
