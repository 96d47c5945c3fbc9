import { Injectable } from '@nestjs/common';
import type { Channel, ChannelEvent } from '@sluice/channels-domain';
import { newId } from '@sluice/kernel';
import { ServiceDatabase } from '@sluice/platform-database';
import { announce, appendEvents, type LogEntry } from '@sluice/platform-event-log';
import { Notifications } from '@sluice/platform-notifications';
import { currentCorrelation } from '@sluice/platform-telemetry';
import type { EntityManager } from 'typeorm';
import { lockChannel } from '../channel.table.js';
import type { CredentialTransaction } from '../credential-store.js';

export interface ChannelTransaction extends CredentialTransaction {
  readonly manager: EntityManager;
}

/** How a worker changes a channel: lock, decide, save, append in one transaction, as the command API does. */
@Injectable()
export class ChannelChanges {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly notifications: Notifications,
  ) {}

  /** `decide` saves what it decides, and answers it. It may be asked again: beside the database it touches credentials alone. */
  async change(
    tenantId: string,
    channelId: string,
    decide: (channel: Channel, tx: ChannelTransaction) => Promise<readonly ChannelEvent[]>,
  ): Promise<readonly ChannelEvent[]> {
    const correlationId = currentCorrelation()?.correlationId ?? newId();
    let hints: (() => void | Promise<void>)[] = [];
    const { entries, commitId } = await this.database.transaction(async (manager) => {
      hints = [];
      const channel = await lockChannel(manager, tenantId, channelId);
      const entries = (await decide(channel, { manager, afterCommit: (hint) => void hints.push(hint) })).map(
        (event, index): LogEntry & { readonly event: ChannelEvent } => ({
          event,
          tenantId,
          aggregateVersion: channel.streamVersion + index + 1,
          correlationId,
        }),
      );
      if (entries.length === 0) return { entries, commitId: undefined };
      return { entries, commitId: await appendEvents({ query: ({ text }, values) => manager.query(text, values) }, entries) };
    });
    // What fails after the commit is mended by whoever comes next.
    for (const hint of hints) await Promise.resolve(hint()).catch(() => {});
    if (commitId !== undefined) announce(this.notifications, commitId, entries);
    return entries.map(({ event }) => event);
  }
}
