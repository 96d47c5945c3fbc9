import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { disconnect, evolve } from '@sluice/channels-domain';
import { CommandStore, type CommandTransaction } from '@sluice/platform-event-log';
import { lockArrivals, lockChannel, saveChannel } from './channel.table.js';
import { ChannelEncryption } from './channel-encryption.js';

/**
 * What else ends with a channel, in the same transaction: contexts that depend on channels say so here, since this one knows nothing
 * of them. Called after the channel is locked.
 */
export abstract class ChannelDependants {
  /** Held events that have not begun. */
  abstract countHeldEvents(tx: CommandTransaction, tenantId: string, channelId: string): Promise<number>;

  abstract releaseChannel(tx: CommandTransaction, tenantId: string, channelId: string, by: string): Promise<void>;

  /** Begins the oldest held events of a channel that is being released; true: all of them, and the channel is connected again. */
  abstract beginHeldEvents(tx: CommandTransaction, tenantId: string, channelId: string): Promise<boolean>;
}

export class DeleteChannel extends Command<void> {
  constructor(
    readonly tenantId: string,
    readonly channelId: string,
    readonly by: string,
  ) {
    super();
  }
}

@CommandHandler(DeleteChannel)
export class DeleteChannelHandler implements ICommandHandler<DeleteChannel> {
  constructor(
    private readonly store: CommandStore,
    private readonly encryption: ChannelEncryption,
    private readonly dependants: ChannelDependants,
  ) {}

  execute({ tenantId, channelId, by }: DeleteChannel): Promise<void> {
    return this.store.transaction(tenantId, async (tx) => {
      await lockArrivals(tx.manager, tenantId, channelId);
      const channel = await lockChannel(tx.manager, tenantId, channelId);
      const events = disconnect(channel, await this.dependants.countHeldEvents(tx, tenantId, channelId), by);
      if (events.length === 0) return;

      await saveChannel(tx.manager, events.reduce(evolve, channel));
      await this.encryption.store.remove(tx, channel);
      await this.dependants.releaseChannel(tx, tenantId, channelId, by);
      tx.append(events, channel.streamVersion);
    });
  }
}
