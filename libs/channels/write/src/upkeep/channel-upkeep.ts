import { setTimeout as sleep } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import {
  type Channel,
  evolve,
  type HealthReason,
  nextRefresh,
  nextWarning,
  refreshFailed,
  subscriptionLost,
  warn,
} from '@sluice/channels-domain';
import { ServiceDatabase, storeClock } from '@sluice/platform-database';
import { OutboundHttp } from '@sluice/platform-outbound';
import { LOGGER, type Logger } from '@sluice/platform-telemetry';
import type { RefreshedToken } from '@sluice/providers';
import { Gauge } from 'prom-client';
import { saveChannel } from '../channel.table.js';
import { ChannelEncryption } from '../channel-encryption.js';
import { type OpenChannel, readChannel } from '../read-channel.js';
import { replaceCredentials } from '../replace-credentials.js';
import { ChannelChanges } from './channel-changes.js';
import { checkConnection } from './check-connection.js';
import { type Askable, askable, ProviderCalls } from './provider-calls.js';
import { ReportDeadCredentials, ReportDeadCredentialsHandler } from './report-dead-credentials.js';

const everyMs = 1_000;
const housekeepingEveryMs = 60_000;
/** Longer than all calls for one channel can take */
const careMs = 120_000;
/** A store that is away is asked again for so long to take a refreshed token. */
const keepMs = 60_000;
const channelsMax = 10;
const testsMax = 10;
const dayMs = 24 * 60 * 60 * 1000;

/** Whoever asked for a test has waited no longer than this. */
export const testWaitMs = 15_000;

const channelsByHealth = new Gauge({
  name: 'sluice_channels',
  help: 'Channels that are not deleted, by what their credentials are good for',
  labelNames: ['health'] as const,
});

export const UPKEEP_OPTIONS = Symbol('upkeep options');

export interface UpkeepOptions {
  readonly outbound: { readonly allow: readonly string[] };
  /** Base URLs of providers' APIs that are not the usual ones */
  readonly providerApis: Readonly<Record<string, string>>;
}

interface DueRow {
  readonly tenant_id: string;
  readonly id: string;
  readonly credentials_since: Date;
  readonly refresh_failures: number;
  readonly refresh_failed_at: Date | null;
  readonly subscription_checked_at: Date | null;
}

const facts = 'credentials_since, refresh_failures, refresh_failed_at, subscription_checked_at';
const by = { warnings: 'system', refresh: 'system:refresh' } as const;

/**
 * Looks after channels: refreshes tokens before they end, tells of those that will, asks providers whether they still send, and tries connections
 * that somebody wants tried. Runs in every worker; a channel is looked after by one of them at a time, for it stands in its row until when.
 * What is due, and since when, is said by the store's clock.
 */
@Injectable()
export class ChannelUpkeep implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stopping = new AbortController();
  private readonly http: OutboundHttp;
  private readonly calls: ProviderCalls;
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<unknown> = Promise.resolve();
  private houseKeptAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly database: ServiceDatabase,
    private readonly changes: ChannelChanges,
    private readonly deaths: ReportDeadCredentialsHandler,
    private readonly encryption: ChannelEncryption,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(UPKEEP_OPTIONS) { outbound, providerApis }: UpkeepOptions,
  ) {
    this.http = new OutboundHttp({
      allow: outbound.allow,
      onRefused: (refusal) => logger.warn({ refusal }, 'a call about a channel was refused'),
    });
    this.calls = new ProviderCalls(this.http, providerApis, this.stopping.signal);
  }

  onApplicationBootstrap(): void {
    this.lookSoon();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    clearTimeout(this.timer);
    await this.looking;
    await this.http.close();
  }

  private lookSoon(): void {
    // Workers that started together must not look together.
    this.timer = setTimeout(
      () => {
        this.looking = this.look()
          .catch((error: unknown) => this.logger.warn({ reason: reasonOf(error) }, 'channels could not be looked after'))
          .finally(() => {
            if (!this.stopping.signal.aborted) this.lookSoon();
          });
      },
      everyMs * (0.75 + Math.random() / 2),
    ).unref();
  }

  private async look(): Promise<void> {
    const now = storeClock.now();
    await Promise.all([this.tryConnections(now), this.careForDue(now)]);
    if (performance.now() - this.houseKeptAt > housekeepingEveryMs) {
      this.houseKeptAt = performance.now();
      await this.keepHouse();
    }
  }

  // Care ---------------------------------------------------------------------------------------------------------------

  /** Takes some of the channels for which something is due at `now` and looks after each. Answers how many it took. */
  async careForDue(now: Date): Promise<number> {
    const { rows } = await this.database.pool.query<DueRow>({
      name: 'take-due-channels',
      text: `UPDATE channels c SET care_until = $1::timestamptz + ${careMs} * interval '1 millisecond'
             FROM (SELECT tenant_id, id FROM channels WHERE care_at <= $1 AND (care_until IS NULL OR care_until <= $1)
                   ORDER BY care_at LIMIT ${channelsMax} FOR UPDATE SKIP LOCKED) due
             WHERE c.tenant_id = due.tenant_id AND c.id = due.id RETURNING c.tenant_id, c.id, ${facts}`,
      values: [now],
    });
    await Promise.all(
      rows.map((row) =>
        this.careFor(row, now).catch((error: unknown) =>
          // It is taken again when its time is over.
          this.logger.warn({ tenantId: row.tenant_id, channelId: row.id, reason: reasonOf(error) }, 'a channel could not be looked after'),
        ),
      ),
    );
    return rows.length;
  }

  private async careFor(row: DueRow, now: Date): Promise<void> {
    const { tenant_id: tenantId, id } = row;
    const channel = await readChannel(this.database.pool, id, this.encryption, tenantId);
    if (channel === undefined || channel.status === 'deleted') {
      await this.database.pool.query('UPDATE channels SET care_at = NULL, care_until = NULL WHERE tenant_id = $1 AND id = $2', [
        tenantId,
        id,
      ]);
      return;
    }
    const asked = askable(channel);
    const isOver = hasEnded(channel, now);
    if (asked !== undefined && (!isOver || asked.api.refresh?.afterEnd === true)) {
      const isAnother = await this.refresh(asked, row, now);
      if (!isAnother && !isOver) await this.checkSubscription(asked, row, now);
    }
    await this.changes.change(tenantId, id, async (fresh, { manager }) => {
      const [known]: CareFacts[] = await manager.query(`SELECT ${facts} FROM channels WHERE tenant_id = $1 AND id = $2`, [tenantId, id]);
      const events = isSeenTo(fresh, asked, known, now) ? [] : warn(fresh, now, by.warnings);
      const warned = events.reduce(evolve, fresh);
      if (events.length > 0) await saveChannel(manager, warned);
      const isAnother = warned.credentialsVersion !== channel.credentialsVersion;
      await manager.query('UPDATE channels SET care_at = $3, care_until = NULL WHERE tenant_id = $1 AND id = $2', [
        tenantId,
        id,
        // What another token needs is not known yet.
        isAnother ? now : careNextAt(warned, asked, known, now),
      ]);
      return events;
    });
  }

  /** True: the token that was looked at is not the channel's any more, or dead. */
  private async refresh(asked: Askable, row: DueRow, now: Date): Promise<boolean> {
    const { channel, api, account } = asked;
    const dueAt = refreshDueAt(channel, asked, row);
    if (api.refresh === undefined || dueAt === undefined || dueAt > now) return false;

    const rule = api.refresh;
    const request = rule.request(account);
    if (request === undefined) return false;
    const { tenantId, id: channelId } = channel;
    // With its answer the token that was asked for with may be used up: what is under way is waited for, also when this process ends.
    const outcome = await this.calls.ask(asked, request, (answer) => rule.read(answer, now), AbortSignal.timeout(careMs));
    if (outcome.ok) {
      await this.keep(channel, outcome.value, now);
      this.logger.info({ tenantId, channelId, expiresAt: outcome.value.expiresAt }, 'a token was refreshed');
      return true;
    }
    const { code, message } = outcome;
    this.logger.warn({ tenantId, channelId, code }, 'a token was not refreshed');
    if (outcome.dead && (rule.afterEnd !== true || hasEnded(channel, now))) await this.reportDead(channel, outcome);
    if (outcome.dead && rule.afterEnd !== true) return true;
    await this.changes.change(tenantId, channelId, async (fresh, { manager }) => {
      if (fresh.credentialsVersion !== channel.credentialsVersion) return [];
      const failures = row.refresh_failures + 1;
      const againAt = nextRefresh(fresh, dueAt, { failures, failedAt: now }, rule) ?? null;
      const events = refreshFailed(fresh, { code, message }, againAt, by.refresh);
      if (events.length > 0) await saveChannel(manager, events.reduce(evolve, fresh));
      await manager.query('UPDATE channels SET refresh_failures = $3, refresh_failed_at = $4 WHERE tenant_id = $1 AND id = $2', [
        tenantId,
        channelId,
        failures,
        now,
      ]);
      return events;
    });
    return false;
  }

  /** First of all, and for as long as nobody else looks after the channel: what is lost here may be nowhere else. */
  private async keep(channel: OpenChannel, { expiresAt, ...tokens }: RefreshedToken, now: Date): Promise<void> {
    const { tenantId, id } = channel;
    const credentials = { ...channel.secrets, ...tokens };
    const until = performance.now() + keepMs;
    const save = () =>
      this.changes.change(tenantId, id, async (fresh, tx) => {
        // Somebody has given it others meanwhile.
        if (fresh.status === 'deleted' || fresh.credentialsVersion !== channel.credentialsVersion) return [];
        return replaceCredentials(tx, fresh, { credentials, expiresAt, by: by.refresh, since: now }, this.encryption);
      });
    for (;;) {
      try {
        return void (await save());
      } catch (error) {
        if (performance.now() > until) throw error;
        this.logger.warn({ tenantId, channelId: id, reason: reasonOf(error) }, 'a refreshed token could not be kept yet');
        await sleep(everyMs);
      }
    }
  }

  /** A subscription that its provider has taken away is asked for again. What cannot be asked is left alone until tomorrow. */
  private async checkSubscription(asked: Askable, row: DueRow, now: Date): Promise<void> {
    const { channel, api, account } = asked;
    const dueAt = subscriptionDueAt(channel, asked, row);
    const question = api.subscription?.look.request(account);
    if (api.subscription === undefined || question === undefined || dueAt === undefined || dueAt > now) return;

    const { tenantId, id: channelId } = channel;
    await this.database.pool.query('UPDATE channels SET subscription_checked_at = $3 WHERE tenant_id = $1 AND id = $2', [
      tenantId,
      channelId,
      now,
    ]);
    const { look, renew } = api.subscription;
    const outcome = await this.calls.ask(asked, question, (answer) => look.read(answer));
    if (!outcome.ok) {
      if (outcome.dead) await this.reportDead(channel, outcome);
      return;
    }
    const request = outcome.value ? undefined : renew.request(account);
    if (request === undefined) return;
    const renewed = await this.calls.ask(asked, request, (answer) => renew.read(answer));
    this.logger.warn({ tenantId, channelId, restored: renewed.ok }, 'a provider had ceased to send events of a channel');
    await this.changes.change(tenantId, channelId, async (fresh, { manager }) => {
      const events = subscriptionLost(fresh, renewed.ok ? undefined : renewed, by.warnings);
      if (events.length > 0) await saveChannel(manager, events.reduce(evolve, fresh));
      return events;
    });
  }

  private async reportDead({ tenantId, id, credentialsVersion }: OpenChannel, { code, message }: HealthReason): Promise<void> {
    await this.deaths.execute(new ReportDeadCredentials(tenantId, id, credentialsVersion, code, message));
  }

  // Tests of connections -------------------------------------------------------------------------------------------------

  /** Nobody waits for those that are older. */
  async tryConnections(now: Date): Promise<number> {
    const { pool } = this.database;
    const { rows } = await pool.query<{ tenant_id: string; id: string; channel_id: string }>({
      name: 'take-channel-tests',
      text: `UPDATE channel_tests t SET care_until = $1::timestamptz + ${testWaitMs} * interval '1 millisecond'
             FROM (SELECT tenant_id, id FROM channel_tests
                   WHERE result IS NULL AND created_at > $1::timestamptz - ${testWaitMs} * interval '1 millisecond'
                     AND (care_until IS NULL OR care_until <= $1)
                   ORDER BY created_at LIMIT ${testsMax} FOR UPDATE SKIP LOCKED) due
             WHERE t.tenant_id = due.tenant_id AND t.id = due.id RETURNING t.tenant_id, t.id, t.channel_id`,
      values: [now],
    });
    await Promise.all(
      rows.map(async ({ tenant_id: tenantId, id, channel_id: channelId }) => {
        const { dead, ...result } = await checkConnection(this.database.pool, this.encryption, this.calls, tenantId, channelId, now);
        if (dead !== undefined) await this.reportDead(dead.channel, dead.refusal);
        await pool.query('UPDATE channel_tests SET result = $3 WHERE tenant_id = $1 AND id = $2', [tenantId, id, JSON.stringify(result)]);
      }),
    );
    return rows.length;
  }

  private async keepHouse(): Promise<void> {
    const { pool } = this.database;
    await pool.query(`DELETE FROM channel_tests WHERE created_at < now() - interval '1 hour'`);
    const { rows } = await pool.query<{ health: string; channels: number }>(
      `SELECT health, count(*) AS channels FROM channels WHERE status <> 'deleted' GROUP BY health`,
    );
    channelsByHealth.reset();
    for (const { health, channels } of rows) channelsByHealth.set({ health }, channels);
    await this.encryption.store.removeLeft(pool);
  }
}

type CareFacts = Pick<DueRow, 'credentials_since' | 'refresh_failures' | 'refresh_failed_at' | 'subscription_checked_at'>;

function refreshDueAt(
  channel: Pick<Channel, 'status' | 'health' | 'expiresAt'>,
  { api: { refresh }, account }: Askable,
  { credentials_since: since, refresh_failures: failures, refresh_failed_at: failedAt }: CareFacts,
): Date | undefined {
  if (refresh?.request(account) === undefined) return undefined;
  // A dead one that can be had anew is due at once.
  const dueAt = channel.health === 'disconnected' ? since : refresh.dueAt({ since, expiresAt: channel.expiresAt });
  return nextRefresh(channel, dueAt, { failures, failedAt }, refresh);
}

/** Once a day, with credentials that are good. */
function subscriptionDueAt({ health }: Pick<Channel, 'health'>, { api, account }: Askable, row: CareFacts): Date | undefined {
  if (health === 'expired' || health === 'disconnected' || api.subscription?.look.request(account) === undefined) return undefined;
  return new Date(Math.max(row.credentials_since.getTime(), row.subscription_checked_at?.getTime() ?? 0) + dayMs);
}

/** A token that will be refreshed, and of which no refresh has failed, is nothing that people must be warned of. */
function isSeenTo(channel: Channel, asked: Askable | undefined, row: CareFacts | undefined, now: Date): boolean {
  if (asked === undefined || row === undefined || row.refresh_failures > 0) return false;
  const isTooLate = hasEnded(channel, now) && asked.api.refresh?.afterEnd !== true;
  return !isTooLate && refreshDueAt(channel, asked, row) !== undefined;
}

const hasEnded = ({ expiresAt }: Pick<Channel, 'expiresAt'>, now: Date): boolean => expiresAt !== null && expiresAt <= now;

/** When the next thing is due; null: nothing ever */
function careNextAt(channel: Channel, asked: Askable | undefined, row: CareFacts | undefined, now: Date): Date | null {
  const times = [
    ...(isSeenTo(channel, asked, row, now) ? [] : [nextWarning(channel)]),
    ...(asked === undefined || row === undefined ? [] : [refreshDueAt(channel, asked, row), subscriptionDueAt(channel, asked, row)]),
  ].filter((time) => time !== undefined);
  return times.toSorted((a, b) => a.getTime() - b.getTime())[0] ?? null;
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
