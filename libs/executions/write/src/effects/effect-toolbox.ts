import { Injectable } from '@nestjs/common';
import { readChannel, readHttpCredential } from '@sluice/channels-write';
import { isUuid } from '@sluice/kernel';
import { type EffectTools, NodeFailure } from '@sluice/nodes';
import type { EncryptionConfig } from '@sluice/platform-config';
import { ServiceDatabase } from '@sluice/platform-database';
import type { OutboundHttp } from '@sluice/platform-outbound';
import type { EffectJob } from './perform-effects.js';

export interface ToolboxOptions {
  readonly outbound: OutboundHttp;
  readonly encryption: EncryptionConfig;
  /** Base URLs of the providers' APIs */
  readonly providerApis: Readonly<Record<string, string>>;
}

/** What effect nodes use of the outside: the guarded HTTP client, and channels and credentials of their own tenant. */
@Injectable()
export class EffectToolbox {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly options: ToolboxOptions,
  ) {}

  toolsFor({ run, version, nodeId }: EffectJob, idempotencyKey: string, signal: AbortSignal): EffectTools {
    const timeoutMs = version.compiled.nodes.get(nodeId)?.policy.timeoutMs ?? 30_000;
    return {
      idempotencyKey,
      signal,
      writeState: () => Promise.reject(new NodeFailure('not_supported', 'Not yet.', { retryable: false })),
      send: (request) => this.options.outbound.send({ ...request, signal, timeoutMs }),
      channel: async (channelId) => {
        const channel = await readChannel(this.database.pool, channelId, this.options.encryption.keys, run.tenantId);
        // Another tenant's channel does not exist.
        if (channel === undefined || channel.status === 'deleted') {
          throw new NodeFailure('channel_unknown', `There is no channel ${channelId}. Choose one of this tenant's channels.`, {
            retryable: false,
          });
        }
        const { accessToken } = channel.secrets;
        if (accessToken === undefined) {
          throw new NodeFailure('channel_cannot_send', `Channel "${channel.name}" has no access token. Add one to its credentials.`, {
            retryable: false,
          });
        }
        return { provider: channel.provider, externalAccountId: channel.externalAccountId, accessToken };
      },
      credential: async (credentialId) => {
        const { keys } = this.options.encryption;
        const credential = isUuid(credentialId)
          ? await readHttpCredential(this.database.pool, run.tenantId, credentialId, keys)
          : undefined;
        if (credential === undefined) {
          const message = `There is no credential ${credentialId}. Choose one of this tenant's credentials.`;
          throw new NodeFailure('credential_unknown', message, { retryable: false });
        }
        return credential;
      },
      providerApi: (provider) => {
        const base = this.options.providerApis[provider];
        if (base === undefined)
          throw new NodeFailure('provider_unknown', `Nothing is known of the API of "${provider}".`, { retryable: false });
        return base;
      },
    };
  }
}
