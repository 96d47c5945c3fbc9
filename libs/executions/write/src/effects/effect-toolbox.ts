import { Injectable } from '@nestjs/common';
import { ChannelEncryption, CredentialStoreUnavailable, readChannel, readHttpCredential } from '@sluice/channels-write';
import { isUuid, type Json } from '@sluice/kernel';
import { type EffectTools, NodeFailure, type TaskTools } from '@sluice/nodes';
import type { EncryptionConfig } from '@sluice/platform-config';
import { ServiceDatabase } from '@sluice/platform-database';
import type { OutboundHttp } from '@sluice/platform-outbound';
import { Notifications, WEBHOOK_ANSWERED } from '@sluice/platform-notifications';
import type { Run } from '../steps/run.js';
import { readState, writeState } from './node-state.js';
import type { EffectJob } from './perform-effects.js';
import { TargetCircuits, TargetUnavailable } from './target-circuits.js';

export interface ToolboxOptions {
  readonly outbound: OutboundHttp;
  readonly encryption: EncryptionConfig;
  /** Base URLs of the providers' APIs */
  readonly providerApis: Readonly<Record<string, string>>;
  /** `string`: whose code it is */
  readonly runCode: (...call: [...Parameters<TaskTools['runCode']>, AbortSignal, string]) => Promise<Json>;
}

/** What effect nodes use of the outside: the guarded HTTP client, and channels and credentials of their own tenant. */
@Injectable()
export class EffectToolbox {
  private readonly circuits = new TargetCircuits();
  private readonly encryption: ChannelEncryption;

  constructor(
    private readonly database: ServiceDatabase,
    private readonly notifications: Notifications,
    private readonly options: ToolboxOptions,
  ) {
    this.encryption = new ChannelEncryption(options.encryption);
  }

  get runCode(): ToolboxOptions['runCode'] {
    return this.options.runCode;
  }

  /** `attempts`: the number of the effect's intent, as the ledger has it */
  toolsFor(job: EffectJob, idempotencyKey: string, signal: AbortSignal, attempts: number | undefined): EffectTools & TaskTools {
    const { run, version, nodeId, iteration } = job;
    const place = { tenantId: run.tenantId, executionId: run.id, nodeId, iteration };
    const timeoutMs = version.compiled.nodes.get(nodeId)?.policy.timeoutMs ?? 30_000;
    return {
      idempotencyKey,
      signal,
      readState: (address) => readState(this.database.pool, run, address),
      writeState: (address, change) => writeState(this.database, run, place, attempts ?? 0, address, change),
      runCode: (source, values, limits) => this.options.runCode(source, values, limits, signal, run.tenantId),
      respond: (answer) => this.respond(run, answer),
      send: this.circuits.sendFor(run.tenantId, job.lease.signal, (request) =>
        this.options.outbound.send({ ...request, tenantId: run.tenantId, signal, timeoutMs }),
      ),
      channel: async (channelId) => {
        const channel = await readChannel(this.database.pool, channelId, this.encryption, run.tenantId).catch(notNow);
        // Another tenant's channel does not exist.
        if (channel === undefined) {
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
        const { id, provider, externalAccountId, config } = channel;
        return { id, provider, externalAccountId, config, accessToken };
      },
      credential: async (credentialId) => {
        const { keys } = this.encryption;
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

  /** The gateway that holds the call open is told; it looks for itself as well, so the hint may be lost. */
  private async respond({ tenantId, trigger }: Run, { status, headers, body }: Parameters<TaskTools['respond']>[0]): Promise<boolean> {
    const { webhookEventId, webhookId, rerunOf } = trigger;
    // Nobody holds the call open for a run that repeats another.
    if (webhookEventId === undefined || webhookId === undefined || rerunOf !== undefined) return false;
    const { rowCount } = await this.database.pool.query(
      `INSERT INTO webhook_answers (tenant_id, webhook_event_id, status, headers, body)
       SELECT w.tenant_id, e.id, $4, $5, $6 FROM webhooks w JOIN webhook_events e ON e.tenant_id = w.tenant_id AND e.id = $3
       WHERE w.tenant_id = $1 AND w.id = $2 AND w.mode = 'sync' AND e.received_at > now() - interval '10 seconds'
       ON CONFLICT DO NOTHING`,
      [tenantId, webhookId, webhookEventId, status, JSON.stringify(headers), body],
    );
    this.notifications.emit(WEBHOOK_ANSWERED, { webhookEventId });
    return rowCount === 1;
  }
}

/** Nothing was sent: the task comes again, and no attempt is spent. */
function notNow(error: unknown): never {
  throw error instanceof CredentialStoreUnavailable ? new TargetUnavailable('The store of credentials', true, 5_000) : error;
}
