import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { sendRefused } from '@sluice/channels-domain';
import { ChannelChanges } from './channel-changes.js';

/** A provider refused what a workflow sent by a channel. True: it was told; else another refusal of the last minute was. */
export class ReportRefusedSend extends Command<boolean> {
  constructor(
    readonly tenantId: string,
    readonly channelId: string,
    readonly code: string,
    readonly message: string,
  ) {
    super();
  }
}

const everyMs = 60_000;
const rememberedMax = 10_000;

/**
 * However busy a channel is that fails, the log hears of it once a minute: a process asks no more often, and of all processes that ask one is
 * given the minute.
 */
@CommandHandler(ReportRefusedSend)
export class ReportRefusedSendHandler implements ICommandHandler<ReportRefusedSend> {
  /** By channel, when this process last asked; the oldest first */
  private readonly asked = new Map<string, number>();

  constructor(private readonly changes: ChannelChanges) {}

  async execute({ tenantId, channelId, code, message }: ReportRefusedSend): Promise<boolean> {
    if (!this.mayAsk(`${tenantId}/${channelId}`, performance.now())) return false;
    const events = await this.changes.change(tenantId, channelId, async (channel, { manager }) => {
      const refused = sendRefused(channel, { code, message }, 'system');
      if (refused.length === 0) return [];
      const [given]: [object[], number] = await manager.query(
        `UPDATE channels SET refusal_told_at = now(), stream_version = stream_version + 1 WHERE tenant_id = $1 AND id = $2
           AND (refusal_told_at IS NULL OR refusal_told_at <= now() - ${everyMs} * interval '1 millisecond') RETURNING id`,
        [tenantId, channelId],
      );
      return given.length === 0 ? [] : refused;
    });
    return events.length > 0;
  }

  private mayAsk(channel: string, now: number): boolean {
    if (now - (this.asked.get(channel) ?? Number.NEGATIVE_INFINITY) < everyMs) return false;
    this.asked.delete(channel);
    this.asked.set(channel, now);
    const [oldest] = this.asked.keys();
    if (this.asked.size > rememberedMax && oldest !== undefined) this.asked.delete(oldest);
    return true;
  }
}
