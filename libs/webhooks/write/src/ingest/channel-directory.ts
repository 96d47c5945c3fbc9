import { Injectable } from '@nestjs/common';
import { type OpenProviderApp, readChannel, readProviderApp } from '@sluice/channels-write';
import { isUuid, type JsonObject } from '@sluice/kernel';
import { ServiceDatabase } from '@sluice/platform-database';
import type { EncryptionConfig } from '@sluice/platform-config';
import type { Queue } from '@sluice/platform-queue';
import type { CanonicalEvent, ChannelIdentity, ChannelSecrets } from '@sluice/providers';
import { readSettings } from '@sluice/workflows-domain';
import { accountsOf, type Recipient, routeByAccount, type RoutedEvent } from './route-by-account.js';

export interface Listener {
  readonly id: string;
  readonly triggerType: string;
  /** `all` or families */
  readonly actionTypes: readonly string[];
  readonly mode: 'async' | 'sync';
  /** Of its workflow, as it is published */
  readonly queue: Queue;
}

/** Whose a path is: a channel's, or a provider app's, whose events belong to several channels. */
export interface Source {
  /** Of the channel or app */
  readonly id: string;
  readonly tenantId: string;
  readonly provider: string;
  readonly secrets: ChannelSecrets;
  /** What a path may name besides the provider */
  readonly triggerTypes: readonly string[];
  /** For whom the provider's words are read; an app stands for no account of its own */
  readonly identity: ChannelIdentity;
  /** Where each event is recorded, and who listens there. */
  route(events: readonly CanonicalEvent[]): Promise<readonly RoutedEvent[]>;
}

const foundMs = 5_000;
const missedMs = 1_000;
const entriesMax = 10_000;

interface ListenerRow {
  readonly id: string;
  readonly trigger_type: string;
  readonly action_types: string[];
  readonly mode: 'async' | 'sync';
  readonly settings: JsonObject | null;
}

const listenerOf = ({ id, trigger_type: triggerType, action_types: actionTypes, mode, settings }: ListenerRow): Listener => ({
  id,
  triggerType,
  actionTypes,
  mode,
  queue: readSettings(settings ?? {}).queue,
});

/** The webhooks `w` that are active, each with the settings of its workflow's newest version. */
const listeners = `webhooks w
  LEFT JOIN workflows f ON f.tenant_id = w.tenant_id AND f.id = w.workflow_id AND f.status = 'published'
  LEFT JOIN workflow_versions v ON v.tenant_id = f.tenant_id AND v.workflow_id = f.id AND v.version = f.version`;

/**
 * Who a path's id belongs to. Kept for up to 5 s (unknown ids 1 s), and dropped at once when a channel, provider app or registration
 * changes. What is decided from it is decided again by the worker, from Postgres: only verification, and to which channel an account's
 * events go, rely on this copy.
 */
@Injectable()
export class ChannelDirectory {
  private readonly entries = new Map<string, { readonly source: Promise<Source | undefined>; until: number }>();

  constructor(
    private readonly database: ServiceDatabase,
    private readonly encryption: EncryptionConfig,
  ) {}

  /** `clientUuid`: a channel's id or a provider app's. */
  async find(clientUuid: string): Promise<Source | undefined> {
    if (!isUuid(clientUuid)) return undefined;
    const id = clientUuid.toLowerCase();
    const now = performance.now();
    const known = this.entries.get(id);
    if (known !== undefined && known.until > now) return known.source;

    const source = this.read(id);
    const entry = { source, until: now + foundMs };
    if (this.entries.size >= entriesMax) this.entries.delete(this.entries.keys().next().value ?? '');
    this.entries.delete(id);
    this.entries.set(id, entry);
    try {
      if ((await source) === undefined) entry.until = now + missedMs;
    } catch (error) {
      this.entries.delete(id);
      throw error;
    }
    return source;
  }

  forget(): void {
    this.entries.clear();
  }

  private async read(id: string): Promise<Source | undefined> {
    const channel = await readChannel(this.database.pool, id, this.encryption.keys);
    if (channel === undefined) {
      const app = await readProviderApp(this.database.pool, id, this.encryption.keys);
      return app === undefined ? undefined : this.sourceOf(app);
    }
    if (channel.status === 'deleted') return undefined;
    const { rows } = await this.database.pool.query<ListenerRow>({
      name: 'listeners-of-channel',
      text: `SELECT w.id, w.trigger_type, w.action_types, w.mode, v.settings FROM ${listeners}
             WHERE w.tenant_id = $1 AND w.channel_id = $2 AND w.status = 'active' ORDER BY w.created_at, w.id`,
      values: [channel.tenantId, channel.id],
    });
    const { tenantId, provider, secrets } = channel;
    const recipient: Recipient = { id, listeners: rows.map(listenerOf) };
    return {
      id,
      tenantId,
      provider,
      secrets,
      triggerTypes: recipient.listeners.map(({ triggerType }) => triggerType),
      identity: channel,
      route: (events) => Promise.resolve(events.map((event) => ({ event, recipient }))),
    };
  }

  /** Its channels are found when their accounts come, and kept as long as the app; an account without one is asked for each time. */
  private sourceOf(app: OpenProviderApp): Source {
    const known = new Map<string, Recipient>();
    return {
      ...app,
      triggerTypes: [],
      identity: { externalAccountId: null, config: {} },
      route: async (events) => {
        const missing = accountsOf(events).filter((account) => !known.has(account));
        if (missing.length > 0) for (const [account, recipient] of await this.channelsOf(app, missing)) known.set(account, recipient);
        return routeByAccount(events, app.id, known);
      },
    };
  }

  /** The tenant's channels of these accounts; of several channels of one account the oldest. */
  private async channelsOf({ tenantId, provider }: OpenProviderApp, accounts: readonly string[]): Promise<readonly [string, Recipient][]> {
    const { rows } = await this.database.pool.query<{ id: string; account: string; listeners: ListenerRow[] }>({
      name: 'channels-of-accounts',
      text: `SELECT DISTINCT ON (c.external_account_id) c.id, c.external_account_id AS account,
                    (SELECT coalesce(jsonb_agg(to_jsonb(w) ORDER BY w.created_at, w.id), '[]')
                     FROM (SELECT w.id, w.trigger_type, w.action_types, w.mode, w.created_at, v.settings FROM ${listeners}
                           WHERE w.tenant_id = c.tenant_id AND w.channel_id = c.id AND w.status = 'active') w) AS listeners
             FROM channels c
             WHERE c.tenant_id = $1 AND c.provider = $2 AND c.external_account_id = ANY ($3) AND c.status <> 'deleted'
             ORDER BY c.external_account_id, c.created_at, c.id`,
      values: [tenantId, provider, accounts],
    });
    return rows.map(({ id, account, listeners }) => [account, { id, listeners: listeners.map(listenerOf) }]);
  }
}
