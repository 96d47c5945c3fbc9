import type { EncryptionKey } from '@sluice/channels-domain';
import type { EncryptionConfig } from '@sluice/platform-config';
import type { CredentialStore } from './credential-store.js';
import { PostgresCredentials } from './postgres-credentials.js';
import { SupabaseCredentials } from './supabase-credentials.js';

/** What seals and opens credentials, the first key sealing, and where those of channels are kept. */
export class ChannelEncryption {
  readonly keys: readonly EncryptionKey[];
  readonly store: CredentialStore;

  constructor({ keys, supabase }: EncryptionConfig) {
    this.keys = keys;
    this.store = supabase === undefined ? new PostgresCredentials() : new SupabaseCredentials(supabase);
  }
}
