import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type ChannelCredentials, evolve, rotateCredentials } from '@sluice/channels-domain';
import { CommandStore } from '@sluice/platform-event-log';
import { lockChannel, saveChannel } from './channel.table.js';
import { ChannelEncryption } from './channel-encryption.js';
import { saveCredentials } from './save-credentials.js';

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
        `SELECT 1 + coalesce(c.credentials_outside, max(k.version), 0) AS version
         FROM channels c LEFT JOIN credentials k ON k.tenant_id = c.tenant_id AND k.channel_id = c.id
         WHERE c.tenant_id = $1 AND c.id = $2 GROUP BY c.credentials_outside`,
        [tenantId, channelId],
      );
      const events = rotateCredentials(channel, version, expiresAt, by);

      await saveChannel(tx.manager, events.reduce(evolve, channel));
      await saveCredentials(tx, this.encryption, channel, version, credentials);
      tx.append(events, channel.streamVersion);
      return { id: channelId, version };
    });
  }
}
