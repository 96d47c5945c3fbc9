import { type ChannelCredentials, open } from '@sluice/channels-domain';
import { sealingContext } from './channel.table.js';
import type { ChannelEncryption } from './channel-encryption.js';
import type { Queryable, SealedChannel } from './credential-store.js';

/** A channel with what it needs to verify and to send; never to be logged or kept outside this process. */
export interface OpenChannel extends Omit<SealedChannel, 'envelope'> {
  readonly secrets: ChannelCredentials;
}

/**
 * A channel that is not deleted by the id that a path names, opened with the credentials that count. As `sluice_service`, which sees every
 * tenant, `tenantId` may be left out; given, only that tenant's channel is found. Throws CredentialStoreUnavailable.
 */
export async function readChannel(
  db: Queryable,
  channelId: string,
  { keys, store }: Pick<ChannelEncryption, 'keys' | 'store'>,
  tenantId?: string,
): Promise<OpenChannel | undefined> {
  const found = await store.find(db, channelId, tenantId);
  if (found === undefined) return undefined;
  const { envelope, ...channel } = found;
  const secrets: ChannelCredentials = JSON.parse(open(envelope, sealingContext(channel.tenantId, channel.id, envelope.version), keys));
  return { ...channel, secrets };
}
