import {
  type Channel,
  type ChannelCredentials,
  type ChannelEvent,
  type EncryptionKey,
  evolve,
  rotateCredentials,
} from '@sluice/channels-domain';
import { storeClock } from '@sluice/platform-database';
import type { EntityManager } from 'typeorm';
import { insertCredentials, saveChannel } from './channel.table.js';

/** Replaces all secrets of a channel that is locked, and wakes the sends that wait for them. Answers what is to be appended. */
export async function replaceCredentials(
  manager: EntityManager,
  channel: Channel,
  { credentials, expiresAt, by, since = storeClock.now() }: NewCredentials,
  keys: readonly EncryptionKey[],
): Promise<ChannelEvent[]> {
  const { tenantId, id } = channel;
  const version = channel.credentialsVersion + 1;
  const events = rotateCredentials(channel, version, expiresAt, by);

  await saveChannel(manager, events.reduce(evolve, channel));
  await manager.query(
    'UPDATE channels SET credentials_since = $3, refresh_failures = 0, refresh_failed_at = NULL WHERE tenant_id = $1 AND id = $2',
    [tenantId, id, since],
  );
  await insertCredentials(manager, channel, version, credentials, keys);
  await manager.query('DELETE FROM credentials WHERE tenant_id = $1 AND channel_id = $2 AND version < $3', [tenantId, id, version]);
  await manager.query('SELECT wake_held_sends($1, $2)', [tenantId, id]);
  return events;
}

interface NewCredentials {
  readonly credentials: ChannelCredentials;
  readonly expiresAt: Date | null;
  readonly by: string;
  /** From when on they are there; default: now, by the store's clock */
  readonly since?: Date;
}
