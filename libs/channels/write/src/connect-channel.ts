import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type ChannelCredentials, type ChannelSettings, connect, evolve, unconnected } from '@sluice/channels-domain';
import { newId } from '@sluice/kernel';
import { CommandStore } from '@sluice/platform-event-log';
import { assertConnectable } from './assert-connectable.js';
import { insertChannel } from './channel.table.js';
import { ChannelEncryption } from './channel-encryption.js';
import { saveCredentials } from './save-credentials.js';

export class ConnectChannel extends Command<{ id: string }> {
  constructor(
    readonly tenantId: string,
    readonly settings: ChannelSettings,
    readonly credentials: ChannelCredentials,
    readonly by: string,
  ) {
    super();
  }
}

@CommandHandler(ConnectChannel)
export class ConnectChannelHandler implements ICommandHandler<ConnectChannel> {
  constructor(
    private readonly store: CommandStore,
    private readonly encryption: ChannelEncryption,
  ) {}

  execute({ tenantId, settings, credentials, by }: ConnectChannel): Promise<{ id: string }> {
    assertConnectable({ ...settings, secrets: credentials });
    return this.store.transaction(tenantId, async (tx) => {
      const blank = unconnected(tenantId, newId());
      const events = connect(blank, settings, by);
      const channel = events.reduce(evolve, blank);

      await insertChannel(tx.manager, channel);
      await saveCredentials(tx, this.encryption, channel, 1, credentials);
      tx.append(events, blank.streamVersion);
      return { id: channel.id };
    });
  }
}
