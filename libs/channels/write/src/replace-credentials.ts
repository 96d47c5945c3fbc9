import { type Channel, type ChannelCredentials, type ChannelEvent, evolve, rotateCredentials } from '@sluice/channels-domain';
import { storeClock } from '@sluice/platform-database';
import type { EntityManager } from 'typeorm';
import { saveChannel } from './channel.table.js';
import type { ChannelEncryption } from './channel-encryption.js';
import type { CredentialTransaction } from './credential-store.js';
import { saveCredentials } from './save-credentials.js';

/** Replaces all secrets of a channel that is locked, and wakes the sends that wait for them. Answers what is to be appended. */
export async function replaceCredentials(
  tx: CredentialTransaction & { readonly manager: EntityManager },
  channel: Channel,
  { credentials, expiresAt, by, since = storeClock.now() }: NewCredentials,
  encryption: Pick<ChannelEncryption, 'keys' | 'store'>,
): Promise<ChannelEvent[]> {
  const { manager } = tx;
  const { tenantId, id } = channel;
  const version = channel.credentialsVersion + 1;
  const events = rotateCredentials(channel, version, expiresAt, by);

  await saveChannel(manager, events.reduce(evolve, channel));
  await manager.query(
    'UPDATE channels SET credentials_since = $3, refresh_failures = 0, refresh_failed_at = NULL WHERE tenant_id = $1 AND id = $2',
    [tenantId, id, since],
  );
  await saveCredentials(tx, encryption, channel, version, credentials);
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
