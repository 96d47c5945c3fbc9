import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { evolve, hold } from '@sluice/channels-domain';
import { CommandStore } from '@sluice/platform-event-log';
import { lockArrivals, lockChannel, saveChannel } from './channel.table.js';

/** From its commit on the channel's events are recorded as held, and start nothing; runs in flight go on and may send. */
export class HoldChannel extends Command<{ id: string; status: 'held' }> {
  constructor(
    readonly tenantId: string,
    readonly channelId: string,
    readonly by: string,
  ) {
    super();
  }
}

@CommandHandler(HoldChannel)
export class HoldChannelHandler implements ICommandHandler<HoldChannel> {
  constructor(private readonly store: CommandStore) {}

  execute({ tenantId, channelId, by }: HoldChannel): Promise<{ id: string; status: 'held' }> {
    return this.store.transaction(tenantId, async (tx) => {
      await lockArrivals(tx.manager, tenantId, channelId);
      const channel = await lockChannel(tx.manager, tenantId, channelId);
      const events = hold(channel, by);

      if (events.length > 0) await saveChannel(tx.manager, events.reduce(evolve, channel));
      tx.append(events, channel.streamVersion);
      return { id: channelId, status: 'held' };
    });
  }
}
