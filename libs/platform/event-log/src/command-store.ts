import { Injectable } from '@nestjs/common';
import { type DomainEvent, newId } from '@sluice/kernel';
import { ApiDatabase, type Database } from '@sluice/platform-database';
import { failpoint } from '@sluice/platform-failpoints';
import { domainEventPattern, EVENTS_APPENDED, Notifications } from '@sluice/platform-notifications';
import { currentCorrelation } from '@sluice/platform-telemetry';
import type { EntityManager } from 'typeorm';
import { actFor } from './act-for.js';
import { appendEvents, type LogEntry } from './append.js';
import { auditOf } from './audit.js';
import { keepResult, takeKey } from './idempotency.js';

/** One transaction of a use case. */
export interface CommandTransaction {
  readonly manager: EntityManager;
  /**
   * The events of one aggregate, which had `version` events before. They are written as the transaction ends, after every lock.
   */
  append(events: readonly DomainEvent[], version: number): void;
  /** Events that have their place already, written as those of `append`. */
  appendEntries(entries: readonly LogEntry[]): void;
  /** Runs after the commit, in order; for hints, never for facts. */
  afterCommit(hint: () => void | Promise<void>): void;
}

/** An answer with its secrets, or, to a retry, without them. */
export type ShownOnce<T, Secret extends keyof T> = T | (Omit<T, Secret> & { readonly secretShownOnce: true });

type Work<T> = (tx: CommandTransaction) => Promise<T>;

const rareTypes =
  /^(workflow\.(created|updated|published|rolled_back|archived)|(channel|provider_app|api_key)\.|webhook\.(registered|deactivated))/;

/**
 * The way in for everything people and frontends change: lock, decide, evolve, save, append – one transaction under the tenant's
 * row-level security, so row and log cannot disagree. Nothing else hands out a connection to request code.
 *
 * While a command of the API is being carried out, the same transaction also records who asked for it (`audit.recorded`) and keeps
 * its result under its `Idempotency-Key`: a retry gets that result and `work` does not run. Hence one transaction for each command.
 */
@Injectable()
export class CommandStore {
  constructor(
    private readonly database: ApiDatabase,
    private readonly notifications: Notifications,
  ) {}

  transaction<T>(tenantId: string, work: Work<T>): Promise<T>;
  /** `secrets`: members of the result that are not kept for retries. */
  transaction<T extends object, Secret extends keyof T & string>(
    tenantId: string,
    work: Work<T>,
    secrets: readonly Secret[],
  ): Promise<ShownOnce<T, Secret>>;
  async transaction<T>(tenantId: string, work: Work<T>, secrets: readonly string[] = []): Promise<T> {
    const correlation = currentCorrelation();
    const call = correlation?.command;
    if (call?.outcome !== undefined) throw new Error(`${call.action} has ended: a command is one transaction`);
    const entriesOf = (events: readonly DomainEvent[], version: number): LogEntry[] =>
      events.map((event, index) => ({
        event,
        tenantId,
        aggregateVersion: version + index + 1,
        correlationId: correlation?.correlationId ?? newId(),
      }));

    const { result, entries, hints, commitId, outcome } = await this.database.transaction(async (manager) => {
      const entries: LogEntry[] = [];
      const hints: (() => void | Promise<void>)[] = [];
      const kept = call?.idempotency === undefined ? undefined : await takeKey<T>(manager, call.idempotency);
      if (kept !== undefined) return { result: kept.result, entries, hints, commitId: undefined, outcome: 'replayed' as const };

      await actFor(manager, tenantId);
      const result = await work({
        manager,
        append: (events, version) => void entries.push(...entriesOf(events, version)),
        appendEntries: (more) => void entries.push(...more),
        afterCommit: (hint) => hints.push(hint),
      });
      if (call?.idempotency !== undefined) {
        await keepResult(manager, call.idempotency, withoutSecrets(result, secrets));
        await actFor(manager, tenantId);
      }
      if (call !== undefined) entries.push(...entriesOf([auditOf(call, result)], 0));
      const commitId =
        entries.length === 0 ? undefined : await appendEvents({ query: ({ text }, values) => manager.query(text, values) }, entries);
      await failpoint('cmd.before_commit');
      return { result, entries, hints, commitId, outcome: 'committed' as const };
    });

    await failpoint('cmd.after_commit');
    if (call !== undefined) call.outcome = outcome;
    // What is committed is answered, whatever fails from here on: hints are hints, and a position can be asked for again.
    if (commitId !== undefined) announce(this.notifications, commitId, entries);
    for (const hint of hints) await Promise.resolve(hint()).catch(() => {});
    if (correlation !== undefined) correlation.logPosition = await positionOf(this.database, commitId).catch(() => undefined);
    return result;
  }

  /** A read of the command store's own state under the tenant's row-level security, for checks that lead to no change. */
  async read<T>(tenantId: string, work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.database.transaction(async (manager) => {
      await actFor(manager, tenantId);
      return work(manager);
    });
  }
}

/** What a retry is told: that there was a secret, not what it was. */
function withoutSecrets(result: unknown, secrets: readonly string[]): unknown {
  if (typeof result !== 'object' || result === null) return result;
  const members = Object.entries(result);
  const open = members.filter(([name, value]) => !(secrets.includes(name) && value !== undefined));
  return open.length === members.length ? result : { ...Object.fromEntries(open), secretShownOnce: true };
}

const sequencingsMax = 20;

/**
 * Sequences what is visible and answers the commit's last position; without a commit, the head's. One call sequences 500 commits: behind
 * more of them it is called again. undefined: still behind.
 */
export async function positionOf(database: Database, commitId: number | undefined): Promise<string | undefined> {
  for (let call = 0; call < sequencingsMax; call += 1) {
    await database.pool.query('SELECT sequence_commits()');
    const { rows } = await database.pool.query<{ position: number | null }>(
      commitId === undefined ? 'SELECT last AS position FROM event_head' : 'SELECT position FROM event_commits WHERE id = $1',
      commitId === undefined ? [] : [commitId],
    );
    const position = rows[0]?.position ?? null;
    if (position !== null) return String(position);
  }
  return undefined;
}

/** One hint per commit, and one per rare type that caches depend on. */
export function announce(notifications: Notifications, commitId: number, entries: readonly Pick<LogEntry, 'event' | 'tenantId'>[]): void {
  const types = [...new Set(entries.map(({ event }) => event.type))];
  const hint = { commitId, tenants: [...new Set(entries.map(({ tenantId }) => tenantId))], types };
  notifications.emit(EVENTS_APPENDED, hint);
  for (const type of types) if (rareTypes.test(type)) notifications.emit(domainEventPattern(type), hint);
}
