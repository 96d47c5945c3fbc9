import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type ChannelCredentials, evolve, rotateCredentials } from '@sluice/channels-domain';
import { CommandStore } from '@sluice/platform-event-log';
import { insertCredentials, lockChannel, saveChannel } from './channel.table.js';
import { ChannelEncryption } from './channel-encryption.js';

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
      const [{ version }]: [{ version: number }] = await tx.manager.query(
        'SELECT coalesce(max(version), 0) + 1 AS version FROM credentials WHERE tenant_id = $1 AND channel_id = $2',
        [tenantId, channelId],
      );
      const events = rotateCredentials(channel, version, expiresAt, by);

      await saveChannel(tx.manager, events.reduce(evolve, channel));
      await insertCredentials(tx.manager, channel, version, credentials, this.encryption.keys);
      await tx.manager.query('DELETE FROM credentials WHERE tenant_id = $1 AND channel_id = $2 AND version < $3', [
        tenantId,
        channelId,
        version,
      ]);
      tx.append(events, channel.streamVersion);
      return { id: channelId, version };
    });
  }
}
