import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type ChannelCredentials, ChannelIsInvalid, retire } from '@sluice/channels-domain';
import { limits } from '@sluice/contracts';
import { storeClock } from '@sluice/platform-database';
import { CommandStore, type CommandTransaction } from '@sluice/platform-event-log';
import { assertConnectable } from './assert-connectable.js';
import { lockChannel } from './channel.table.js';
import { ChannelEncryption } from './channel-encryption.js';
import { queryableOf } from './credential-store.js';
import { readChannel } from './read-channel.js';
import { replaceCredentials } from './replace-credentials.js';

/** Replaces all secrets of a channel. */
export class RotateCredentials extends Command<{ id: string; version: number }> {
  constructor(
    readonly tenantId: string,
    readonly channelId: string,
    readonly credentials: ChannelCredentials,
    readonly expiresAt: Date | null,
    readonly by: string,
    /** Until then the signing secrets before these are accepted as well, and those before them until their own time. */
    readonly previousSecretsUntil?: Date,
  ) {
    super();
  }
}

const tooMany =
  `Beside the new secrets more than ${limits.signingSecrets} would be accepted, with those that were replaced before and are accepted still. ` +
  'Leave it out to end all of them now, or wait until some have ended.';

@CommandHandler(RotateCredentials)
export class RotateCredentialsHandler implements ICommandHandler<RotateCredentials> {
  constructor(
    private readonly store: CommandStore,
    private readonly encryption: ChannelEncryption,
  ) {}

  execute(command: RotateCredentials): Promise<{ id: string; version: number }> {
    const { tenantId, channelId, expiresAt, by } = command;
    return this.store.transaction(tenantId, async (tx) => {
      const channel = await lockChannel(tx.manager, tenantId, channelId);
      assertConnectable({ ...channel, secrets: command.credentials }, 'credentials');
      const retiring = await this.retiring(tx, command);
      const credentials = { ...command.credentials, ...(retiring === undefined ? {} : { retiring }) };
      const events = await replaceCredentials(tx, channel, { credentials, expiresAt, by }, this.encryption);
      tx.append(events, channel.streamVersion);
      return { id: channelId, version: channel.credentialsVersion + 1 };
    });
  }

  private async retiring(
    { manager }: CommandTransaction,
    { tenantId, channelId, credentials, previousSecretsUntil }: RotateCredentials,
  ): Promise<ChannelCredentials['retiring']> {
    const now = storeClock.now();
    if (previousSecretsUntil === undefined || previousSecretsUntil <= now) return undefined;
    const before = await readChannel(queryableOf(manager), channelId, this.encryption, tenantId);
    const retiring = before && retire(before.secrets, credentials.signingSecrets, previousSecretsUntil, now);
    if (retiring !== undefined && retiring.flatMap(({ signingSecrets }) => signingSecrets).length > limits.signingSecrets) {
      throw new ChannelIsInvalid([{ path: 'previousSecretsUntil', message: tooMany }]);
    }
    return retiring;
  }
}
