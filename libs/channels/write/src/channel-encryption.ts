import type { EncryptionKey } from '@sluice/channels-domain';

/** The keys that seal and open channels' credentials; the first one seals. */
export class ChannelEncryption {
  constructor(readonly keys: readonly EncryptionKey[]) {}
}
