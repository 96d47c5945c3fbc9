import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import {
  ChannelEncryption,
  CredentialStoreUnavailable,
  type OpenChannel,
  openReplyToken,
  readChannel,
  readHttpCredential,
} from '@sluice/channels-write';
import { isJsonObject, isUuid, type Json } from '@sluice/kernel';
import { NodeFailure, type SendBudget, type SendingChannel, type TaskTools } from '@sluice/nodes';
import type { EncryptionConfig } from '@sluice/platform-config';
import { ServiceDatabase } from '@sluice/platform-database';
import type { OutboundHttp } from '@sluice/platform-outbound';
import { Notifications, WEBHOOK_ANSWERED } from '@sluice/platform-notifications';
import type { Paces } from '@sluice/platform-rates';
import type { Run } from '../steps/run.js';
import { lastMessageAt } from './customer-events.js';
import type { Recorded } from './effect-ledger.js';
import { readState, writeState } from './node-state.js';
import type { AttemptTools, EffectJob } from './perform-effects.js';
import { PutOff } from './put-off.js';
import { TargetCircuits } from './target-circuits.js';

export interface ToolboxOptions {
  readonly outbound: OutboundHttp;
  readonly encryption: EncryptionConfig;
  /** Base URLs of the providers' APIs */
  readonly providerApis: Readonly<Record<string, string>>;
  /** `string`: whose code it is */
  readonly runCode: (...call: [...Parameters<TaskTools['runCode']>, AbortSignal, string]) => Promise<Json>;
  readonly paces: Pick<Paces, 'take'>;
  /** Told when a provider no longer takes a channel's token. True: that was news. */
  readonly onDeadCredentials?: (dead: DeadCredentials) => Promise<boolean>;
  /** Told what a provider refused of what is sent by a channel */
  readonly onRefusedSend?: (refused: RefusedSend) => Promise<unknown>;
}

interface RefusedSend {
  readonly tenantId: string;
  readonly channelId: string;
  readonly code: string;
  readonly message: string;
}

interface DeadCredentials extends RefusedSend {
  readonly credentialsVersion: number;
}

/** What one attempt has done so far. */
interface Progress {
  /** Calls that left */
  calls: number;
  /** What it sends by */
  channel?: Pick<OpenChannel, 'id' | 'credentialsVersion'>;
}

/** So long a call waits in its place for room in a budget; who was sent away for it before waits longer, and so goes first. */
const paceMsMax = { first: 1_000, again: 3_000 };
/** Until the store of credentials is asked again */
const putOffMs = 5_000;
/** Until a channel is looked at again whose new credentials would have woken its sends */
const heldMs = 10 * 60_000;
/** So much of a node's time is left for the call itself. */
const callMsMin = 1_000;

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

  /** `intent`: as the ledger has it; undefined: it knows nothing of this attempt, a test */
  toolsFor(job: EffectJob, idempotencyKey: string, signal: AbortSignal, intent: Recorded | undefined): AttemptTools {
    const { run, version, nodeId, iteration } = job;
    const place = { tenantId: run.tenantId, executionId: run.id, nodeId, iteration };
    const timeoutMs = version.compiled.nodes.get(nodeId)?.policy.timeoutMs ?? 30_000;
    const until = performance.now() + timeoutMs;
    const progress: Progress = { calls: 0 };
    return {
      idempotencyKey,
      signal,
      readState: (address) => readState(this.database.pool, run, address),
      writeState: (address, change) => writeState(this.database, run, place, intent?.attempts ?? 0, address, change),
      runCode: (source, values, limits) => this.options.runCode(source, values, limits, signal, run.tenantId),
      respond: (answer) => this.respond(run, answer),
      send: this.circuits.sendFor(run.tenantId, job.lease.signal, progress, (request) =>
        this.options.outbound.send({ ...request, tenantId: run.tenantId, signal, timeoutMs }),
      ),
      channel: (channelId) => this.openChannel(run.tenantId, channelId, progress),
      pace: (channel, budgets) => this.pace(job, channel, budgets, progress, intent, until - performance.now(), signal),
      replyToken: (event) => openReplyToken(event, run.tenantId, this.encryption),
      lastMessageAt: (channelId, customerId) => lastMessageAt(this.database.pool, run.tenantId, { channelId, customerId }),
      failed: (failure) => this.failed(run.tenantId, progress, failure),
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

  /** Every send opens its channel here: what keeps a channel from sending says so. */
  private async openChannel(tenantId: string, channelId: string, progress: Progress): Promise<SendingChannel> {
    const isFirstCall = progress.calls === 0;
    const channel = await readChannel(this.database.pool, channelId, this.encryption, tenantId).catch((error: unknown) => {
      if (!(error instanceof CredentialStoreUnavailable)) throw error;
      const message = 'The store of credentials cannot be reached, so the channel cannot be opened.';
      throw new PutOff('credentials_unavailable', message, { afterMs: putOffMs, isFirstCall, ends: false });
    });
    // Another tenant's channel does not exist.
    if (channel === undefined) {
      throw new NodeFailure('channel_unknown', `There is no channel ${channelId}. Choose one of this tenant's channels.`, {
        retryable: false,
      });
    }
    progress.channel = channel;
    if (channel.health === 'expired' || channel.health === 'disconnected') {
      const message = `Channel "${channel.name}" cannot send: ${channel.healthReason?.message ?? 'it needs new credentials.'}`;
      throw new PutOff('channel_paused', message, { afterMs: heldMs, isFirstCall, ends: false, heldFor: channelId });
    }
    const { accessToken } = channel.secrets;
    if (accessToken === undefined) {
      throw new NodeFailure('channel_cannot_send', `Channel "${channel.name}" has no access token. Add one to its credentials.`, {
        retryable: false,
      });
    }
    const { id, provider, externalAccountId, config } = channel;
    return { id, provider, externalAccountId, config, accessToken };
  }

  /** A refusal is told of. A dead token is, too, and what was refused for it alone waits for a new one. */
  private async failed(tenantId: string, { channel, calls }: Progress, failure: NodeFailure): Promise<PutOff | undefined> {
    const { onDeadCredentials, onRefusedSend } = this.options;
    const { code, message } = failure;
    // Nobody waits for it to be told, and what is not told is told by the next.
    if (channel !== undefined && calls > 0 && isRefusal(failure))
      void onRefusedSend?.({ tenantId, channelId: channel.id, code, message }).catch(() => {});
    if (code !== 'credentials_expired' || channel === undefined || onDeadCredentials === undefined) return undefined;
    const { id: channelId, credentialsVersion } = channel;
    // No news: it is known by now, or there are others already. The next look at the channel tells.
    const isNews = await onDeadCredentials({ tenantId, channelId, credentialsVersion, code, message }).catch(() => false);
    const delay = isNews ? { afterMs: heldMs, heldFor: channelId } : { afterMs: putOffMs };
    return calls === 1 ? new PutOff('channel_paused', message, { ...delay, isFirstCall: true, ends: false }) : undefined;
  }

  /**
   * Before anything was sent a call waits a moment for its place, and longer waits are for its task. Later ones (a text's second part) wait here
   * as long as their node may take: what was sent cannot be taken back, and must not be sent again.
   */
  private async pace(
    { run, lease }: EffectJob,
    channel: SendingChannel,
    budgets: readonly SendBudget[],
    { calls }: Progress,
    intent: Recorded | undefined,
    leftMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const isFirstCall = calls === 0 && intent !== undefined;
    const patienceMs = isFirstCall ? (wasPaced(intent) ? paceMsMax.again : paceMsMax.first) : Number.POSITIVE_INFINITY;
    const { taken, waitMs } = await this.options.paces.take(
      `${run.tenantId}/${channel.id}`,
      budgets,
      Math.max(0, Math.min(patienceMs, leftMs - callMsMin)),
    );
    if (!taken) {
      const message = `The channel's account may make no further call for ${Math.ceil(waitMs / 1_000)} s.`;
      throw new PutOff(paced, message, { afterMs: waitMs, isFirstCall, ends: false });
    }
    if (waitMs === 0) return;
    await sleep(waitMs, undefined, { signal });
    if (!lease.isHeld()) throw new NodeFailure('lease_lost', 'Another worker took over.', { retryable: true });
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

/** The provider had the word: neither the connection to it, nor ourselves; and a dead token is told of by another event. */
const isRefusal = (failure: NodeFailure): boolean =>
  !(failure instanceof PutOff) && failure.code !== 'credentials_expired' && !failure.code.startsWith('outbound_');

const paced = 'paced';

function wasPaced({ response }: Recorded): boolean {
  const error = isJsonObject(response) ? response['error'] : undefined;
  return isJsonObject(error) && error['code'] === paced;
}
