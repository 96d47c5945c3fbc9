import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { ChannelNotFound } from '@sluice/channels-domain';
import { DomainError, newId } from '@sluice/kernel';
import { CommandStore } from '@sluice/platform-event-log';
import { type CheckedConnection } from './upkeep/check-connection.js';
import { testWaitMs } from './upkeep/channel-upkeep.js';

export class ChannelTestUnanswered extends DomainError {
  constructor() {
    super('unavailable', 'channel_test_unanswered', `No worker had tried the connection within ${testWaitMs / 1_000} s.`, {
      retryAfterSeconds: 5,
    });
  }
}

/** Whether a channel's connection works, as its provider says; a worker asks, since workers alone call the outside. */
export class TestChannel extends Command<CheckedConnection> {
  constructor(
    readonly tenantId: string,
    readonly channelId: string,
  ) {
    super();
  }
}

@CommandHandler(TestChannel)
export class TestChannelHandler implements ICommandHandler<TestChannel> {
  constructor(private readonly store: CommandStore) {}

  /** The request is what is kept under an `Idempotency-Key`: a retry waits for the same one. */
  async execute({ tenantId, channelId }: TestChannel): Promise<CheckedConnection> {
    const { id } = await this.store.transaction(tenantId, async ({ manager }) => {
      const channels: unknown[] = await manager.query(`SELECT FROM channels WHERE tenant_id = $1 AND id = $2 AND status <> 'deleted'`, [
        tenantId,
        channelId,
      ]);
      if (channels.length === 0) throw new ChannelNotFound(channelId);
      const test = { id: newId() };
      await manager.query('INSERT INTO channel_tests (tenant_id, id, channel_id) VALUES ($1, $2, $3)', [tenantId, test.id, channelId]);
      return test;
    });
    const until = performance.now() + testWaitMs;
    for (let pauseMs = 50; performance.now() < until; pauseMs = Math.min(250, pauseMs * 1.5)) {
      const result = await this.store.read(tenantId, async (manager) => {
        const rows: { result: CheckedConnection | null }[] = await manager.query(
          'SELECT result FROM channel_tests WHERE tenant_id = $1 AND id = $2',
          [tenantId, id],
        );
        return rows[0]?.result ?? undefined;
      });
      if (result !== undefined) return result;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    throw new ChannelTestUnanswered();
  }
}
