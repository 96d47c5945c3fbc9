import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { acceptedSecrets } from '@sluice/channels-domain';
import { ChannelEncryption, type OpenProviderApp, readChannel, readProviderApp } from '@sluice/channels-write';
import { limits } from '@sluice/contracts';
import { isUuid, type JsonObject } from '@sluice/kernel';
import { GroupCommit, ServiceDatabase, storeClock } from '@sluice/platform-database';
import type { EncryptionConfig } from '@sluice/platform-config';
import type { Queue } from '@sluice/platform-queue';
import { type Limit, Rates } from '@sluice/platform-rates';
import type { CanonicalEvent, Channel, ProviderRequest } from '@sluice/providers';
import { readSettings } from '@sluice/workflows-domain';
import { isTest, testHeader } from '../test-mark.js';
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
  /** How many deliveries of this tenant are accepted within a minute; undefined: any number */
  readonly webhooksPerMinute: number | undefined;
  readonly provider: string;
  /** For whom the provider's words are checked and read */
  readonly channel: Channel;
  /** What a path may name besides the provider */
  readonly triggerTypes: readonly string[];
  /** Where each event is recorded, and who listens there. */
  route(events: readonly CanonicalEvent[]): Promise<readonly RoutedEvent[]>;
}

const foundMs = 5_000;
const missedMs = 1_000;
const entriesMax = 10_000;
/** Ids that nobody here knows: so many of one source are looked up one by one; beyond that, together with all others of the kind. */
const guesses: Limit = { name: 'guesses', max: limits.unknownPathsPerMinute, perMs: 60_000 };

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

interface Guess {
  readonly id: string;
  readonly from: string;
}

/**
 * Who a path's id belongs to. Kept for up to 5 s (unknown ids 1 s), and dropped at once when a channel, provider app or registration
 * changes. What is decided from it is decided again by the worker, from Postgres: only verification, how many deliveries there may be, and to
 * which channel an account's events go, rely on this copy.
 *
 * T-12: whoever guesses ids gets the same answer for each, and costs one query at a time, not one for each guess. An id that was found here
 * once is no guess, whoever else calls from the same address; and one that is new here is looked up like a guess, never refused.
 */
@Injectable()
export class ChannelDirectory implements BeforeApplicationShutdown {
  /** Also when their time is over: then they are read again. */
  private readonly known = new Map<string, { readonly source: Source; readonly until: number }>();
  private readonly missed = new Map<string, number>();
  private readonly asked = new Map<string, Promise<Source | undefined>>();
  /** Rises when something changed: what is being read may be older. */
  private generation = 0;
  /** Of this process alone: addresses are anybody's, and would fill Redis. */
  private readonly sources = new Rates(() => performance.now());
  private readonly guessed: GroupCommit<Guess, boolean>;
  readonly encryption: ChannelEncryption;

  constructor(
    private readonly database: ServiceDatabase,
    encryption: EncryptionConfig,
    private readonly publicUrl: string,
  ) {
    this.encryption = new ChannelEncryption(encryption);
    this.guessed = new GroupCommit({
      flush: (some) => this.areThere(some),
      isBadData: () => false,
      weightOf: () => 1,
      laneOf: ({ from }) => from,
      itemsMax: 500,
      weightMax: 500,
      inFlightMax: 1,
      waitingWeightMax: 5_000,
      budgetMs: 3_000,
    });
  }

  /** `clientUuid`: a channel's id or a provider app's; `from`: whom guesses are counted under. */
  async find(clientUuid: string, from: string): Promise<Source | undefined> {
    if (!isUuid(clientUuid)) return undefined;
    const id = clientUuid.toLowerCase();
    const now = performance.now();
    const known = this.known.get(id);
    if (known !== undefined && known.until > now) return known.source;
    if ((this.missed.get(id) ?? 0) > now) return undefined;
    const asked = this.asked.get(id) ?? this.ask(id, known === undefined ? from : undefined);
    this.asked.set(id, asked);
    return asked;
  }

  /** Whether this installation made the delivery itself, to see how far it comes. */
  isTest({ id }: Source, { headers, body }: ProviderRequest): boolean {
    return isTest(headers[testHeader], this.encryption.keys, id, body);
  }

  forget(): void {
    this.generation += 1;
    for (const [id, { source }] of this.known) this.known.set(id, { source, until: 0 });
    this.missed.clear();
    this.asked.clear();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.guessed.drain();
  }

  /** `guesser`: undefined, it is known that there was somebody */
  private async ask(id: string, guesser: string | undefined): Promise<Source | undefined> {
    const { generation } = this;
    const now = performance.now();
    try {
      const isLikely = guesser === undefined || this.sources.take(guesses, guesser) === undefined;
      const source = isLikely || (await this.guessed.add({ id, from: guesser })) ? await this.read(id) : undefined;
      if (generation === this.generation) this.keep(id, source, now);
      return source;
    } finally {
      if (generation === this.generation) this.asked.delete(id);
    }
  }

  private keep(id: string, source: Source | undefined, now: number): void {
    const [kept, until] = source === undefined ? [this.missed, now + missedMs] : [this.known, now + foundMs];
    this.known.delete(id);
    this.missed.delete(id);
    const [oldest] = kept.keys();
    if (kept.size >= entriesMax && oldest !== undefined) kept.delete(oldest);
    if (source === undefined) this.missed.set(id, until);
    else this.known.set(id, { source, until });
  }

  private async areThere(some: readonly Guess[]): Promise<boolean[]> {
    const ids = some.map(({ id }) => id);
    const { rows } = await this.database.pool.query<{ id: string }>({
      name: 'guessed-paths',
      text: `SELECT id FROM channels WHERE id = ANY ($1::uuid[]) UNION ALL SELECT id FROM provider_apps WHERE id = ANY ($1::uuid[])`,
      values: [ids],
    });
    const there = new Set(rows.map(({ id }) => id));
    return ids.map((id) => there.has(id));
  }

  private async read(id: string): Promise<Source | undefined> {
    const channel = await readChannel(this.database.pool, id, this.encryption);
    if (channel === undefined) {
      const app = await readProviderApp(this.database.pool, id, this.encryption.keys);
      return app === undefined ? undefined : this.sourceOf(app, await this.webhooksPerMinute(app.tenantId));
    }
    const quota = this.webhooksPerMinute(channel.tenantId);
    const listening = this.database.pool.query<ListenerRow>({
      name: 'listeners-of-channel',
      text: `SELECT w.id, w.trigger_type, w.action_types, w.mode, v.settings FROM ${listeners}
             WHERE w.tenant_id = $1 AND w.channel_id = $2 AND w.status = 'active' ORDER BY w.created_at, w.id`,
      values: [channel.tenantId, channel.id],
    });
    const [webhooksPerMinute, { rows }] = await Promise.all([quota, listening]);
    const { tenantId, provider } = channel;
    const recipient: Recipient = { id, listeners: rows.map(listenerOf) };
    const secrets = { ...channel.secrets, signingSecrets: acceptedSecrets(channel.secrets, storeClock.now()) };
    return {
      id,
      tenantId,
      webhooksPerMinute,
      provider,
      channel: { ...channel, secrets, publicUrl: this.publicUrl },
      triggerTypes: recipient.listeners.map(({ triggerType }) => triggerType),
      route: (events) => Promise.resolve(events.map((event) => ({ event, recipient }))),
    };
  }

  private async webhooksPerMinute(tenantId: string): Promise<number | undefined> {
    const { rows } = await this.database.pool.query<{ quota: number | null }>({
      name: 'webhooks-per-minute',
      text: `SELECT (quotas ->> 'webhooksPerMinute')::int AS quota FROM tenants WHERE id = $1`,
      values: [tenantId],
    });
    return rows[0]?.quota ?? undefined;
  }

  /** Its channels are found when their accounts come, and kept as long as the app; an account without one is asked for each time. */
  private sourceOf(app: OpenProviderApp, webhooksPerMinute: number | undefined): Source {
    const known = new Map<string, Recipient>();
    return {
      id: app.id,
      tenantId: app.tenantId,
      provider: app.provider,
      webhooksPerMinute,
      triggerTypes: [],
      channel: { externalAccountId: null, config: {}, secrets: app.secrets, publicUrl: this.publicUrl },
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
