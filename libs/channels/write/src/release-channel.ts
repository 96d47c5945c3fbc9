import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type ChannelStatus, evolve, release } from '@sluice/channels-domain';
import { CommandStore } from '@sluice/platform-event-log';
import { lockArrivals, lockChannel, saveChannel } from './channel.table.js';
import { ChannelDependants } from './delete-channel.js';

/** What was held begins, in the order in which it came: the first of it in this transaction, more than that by sweeps of the workers. */
export class ReleaseChannel extends Command<{ id: string; status: ChannelStatus }> {
  constructor(
    readonly tenantId: string,
    readonly channelId: string,
    readonly by: string,
  ) {
    super();
  }
}

@CommandHandler(ReleaseChannel)
export class ReleaseChannelHandler implements ICommandHandler<ReleaseChannel> {
  constructor(
    private readonly store: CommandStore,
    private readonly dependants: ChannelDependants,
  ) {}

  execute({ tenantId, channelId, by }: ReleaseChannel): Promise<{ id: string; status: ChannelStatus }> {
    return this.store.transaction(tenantId, async (tx) => {
      await lockArrivals(tx.manager, tenantId, channelId);
      const channel = await lockChannel(tx.manager, tenantId, channelId);
      const events = release(channel, by);
      if (events.length === 0) return { id: channelId, status: channel.status };

      await saveChannel(tx.manager, events.reduce(evolve, channel));
      const all = await this.dependants.beginHeldEvents(tx, tenantId, channelId);
      tx.append(events, channel.streamVersion);
      return { id: channelId, status: all ? 'connected' : 'releasing' };
    });
  }
}
