import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { ChannelCredentials } from '@sluice/channels-domain';
import { CommandStore } from '@sluice/platform-event-log';
import { assertConnectable } from './assert-connectable.js';
import { lockChannel } from './channel.table.js';
import { ChannelEncryption } from './channel-encryption.js';
import { replaceCredentials } from './replace-credentials.js';

/** Replaces all secrets of a channel. While providers change over, the old signing secret stands among the new ones. */
export class RotateCredentials extends Command<{ id: string; version: number }> {
  constructor(
    readonly tenantId: string,
    readonly channelId: string,
    readonly credentials: ChannelCredentials,
    readonly expiresAt: Date | null,
    readonly by: string,
  ) {
    super();
  }
}

@CommandHandler(RotateCredentials)
export class RotateCredentialsHandler implements ICommandHandler<RotateCredentials> {
  constructor(
    private readonly store: CommandStore,
    private readonly encryption: ChannelEncryption,
  ) {}

  execute({ tenantId, channelId, credentials, expiresAt, by }: RotateCredentials): Promise<{ id: string; version: number }> {
    return this.store.transaction(tenantId, async (tx) => {
      const channel = await lockChannel(tx.manager, tenantId, channelId);
      assertConnectable({ ...channel, secrets: credentials }, 'credentials');
      const events = await replaceCredentials(tx.manager, channel, { credentials, expiresAt, by }, this.encryption.keys);
      tx.append(events, channel.streamVersion);
      return { id: channelId, version: channel.credentialsVersion + 1 };
    });
  }
}
