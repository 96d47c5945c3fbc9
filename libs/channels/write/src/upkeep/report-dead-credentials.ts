import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { evolve, reportDead } from '@sluice/channels-domain';
import { saveChannel } from '../channel.table.js';
import { ChannelChanges } from './channel-changes.js';

/**
 * A provider answered a worker that a channel's token is dead (`code` as the provider writes it). The channel is disconnected, and its sends wait
 * for new credentials. `credentialsVersion`: of those that were used; others may be there by now. True: this was news.
 */
export class ReportDeadCredentials extends Command<boolean> {
  constructor(
    readonly tenantId: string,
    readonly channelId: string,
    readonly credentialsVersion: number,
    readonly code: string,
    readonly message: string,
  ) {
    super();
  }
}

@CommandHandler(ReportDeadCredentials)
export class ReportDeadCredentialsHandler implements ICommandHandler<ReportDeadCredentials> {
  constructor(private readonly changes: ChannelChanges) {}

  async execute({ tenantId, channelId, credentialsVersion, code, message }: ReportDeadCredentials): Promise<boolean> {
    const reason = { code, message: `${message} Give the channel new credentials; what it is to send waits for them.` };
    const events = await this.changes.change(tenantId, channelId, async (channel, { manager }) => {
      const dead = reportDead(channel, credentialsVersion, reason, 'system');
      if (dead.length > 0) await saveChannel(manager, dead.reduce(evolve, channel));
      return dead;
    });
    return events.length > 0;
  }
}
