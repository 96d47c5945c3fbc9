import { type Channel, type ChannelCredentials, seal } from '@sluice/channels-domain';
import { sealingContext } from './channel.table.js';
import type { ChannelEncryption } from './channel-encryption.js';
import type { CredentialTransaction } from './credential-store.js';

/**
 * From the commit of `tx` on these are a channel's credentials, and no others. The channel is locked or new, `version` the one after that which
 * counts. The transaction may be begun again as a whole.
 */
export async function saveCredentials(
  tx: CredentialTransaction,
  { keys, store }: Pick<ChannelEncryption, 'keys' | 'store'>,
  channel: Channel,
  version: number,
  credentials: ChannelCredentials,
): Promise<void> {
  const sealed = seal(JSON.stringify(credentials), sealingContext(channel.tenantId, channel.id, version), keys);
  await store.save(tx, channel, { version, ...sealed });
}
