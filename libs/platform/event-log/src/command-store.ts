import { Injectable } from '@nestjs/common';
import { type DomainEvent, newId } from '@sluice/kernel';
import { ApiDatabase, type Database } from '@sluice/platform-database';
import { domainEventPattern, EVENTS_APPENDED, Notifications } from '@sluice/platform-notifications';
import { currentCorrelation } from '@sluice/platform-telemetry';
import type { EntityManager } from 'typeorm';
import { appendEvents, type LogEntry } from './append.js';

/** One transaction of a use case. */
export interface CommandTransaction {
  readonly manager: EntityManager;
  /**
   * The events of one aggregate, which had `version` events before. They are written as the transaction ends, after every lock.
   */
  append(events: readonly DomainEvent[], version: number): void;
  /** Runs after the commit, in order; for hints, never for facts. */
  afterCommit(hint: () => void | Promise<void>): void;
}

const rareTypes = /^(workflow\.(created|updated|published|rolled_back|archived)|channel\.|webhook\.(registered|deactivated)|api_key\.)/;

/**
 * The way in for everything people and frontends change: lock, decide, evolve, save, append – one transaction under the tenant's
 * row-level security, so row and log cannot disagree. Nothing else hands out a connection to request code.
 */
@Injectable()
export class CommandStore {
  constructor(
    private readonly database: ApiDatabase,
    private readonly notifications: Notifications,
  ) {}

  async transaction<T>(tenantId: string, work: (tx: CommandTransaction) => Promise<T>): Promise<T> {
    const correlation = currentCorrelation();
    const { result, entries, hints, commitId } = await this.database.transaction(async (manager) => {
      await manager.query(`SELECT set_config('app.tenant_id', $1, true)`, [tenantId]);
      const entries: LogEntry[] = [];
      const hints: (() => void | Promise<void>)[] = [];
      const result = await work({
        manager,
        append: (events, version) => {
          for (const [index, event] of events.entries()) {
            entries.push({
              event,
              tenantId,
              aggregateVersion: version + index + 1,
              correlationId: correlation?.correlationId ?? newId(),
            });
          }
        },
        afterCommit: (hint) => hints.push(hint),
      });
      const commitId = entries.length === 0 ? undefined : await appendEvents({ query: manager.query.bind(manager) }, entries);
      return { result, entries, hints, commitId };
    });

    if (correlation !== undefined) correlation.logPosition = await positionOf(this.database, commitId);
    if (commitId !== undefined) announce(this.notifications, commitId, entries);
    for (const hint of hints) await hint();
    return result;
  }

  /** A read of the command store's own state under the tenant's row-level security, for checks that lead to no change. */
  async read<T>(tenantId: string, work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.database.transaction(async (manager) => {
      await manager.query(`SELECT set_config('app.tenant_id', $1, true)`, [tenantId]);
      return work(manager);
    });
  }
}

/** Sequences what is visible and answers the commit's last position; without a commit, the head's. */
export async function positionOf(database: Database, commitId: number | undefined): Promise<string> {
  await database.pool.query('SELECT sequence_commits()');
  const { rows } = await database.pool.query<{ position: number | null }>(
    commitId === undefined ? 'SELECT last AS position FROM event_head' : 'SELECT position FROM event_commits WHERE id = $1',
    commitId === undefined ? [] : [commitId],
  );
  return String(rows[0]?.position ?? 0);
}

/** One hint per commit, and one per rare type that caches depend on. */
export function announce(notifications: Notifications, commitId: number, entries: readonly Pick<LogEntry, 'event' | 'tenantId'>[]): void {
  const types = [...new Set(entries.map(({ event }) => event.type))];
  const hint = { commitId, tenants: [...new Set(entries.map(({ tenantId }) => tenantId))], types };
  notifications.emit(EVENTS_APPENDED, hint);
  for (const type of types) if (rareTypes.test(type)) notifications.emit(domainEventPattern(type), hint);
}
