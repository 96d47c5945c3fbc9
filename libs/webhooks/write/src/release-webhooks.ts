import { Injectable } from '@nestjs/common';
import type { ChannelDependants } from '@sluice/channels-write';
import type { CommandTransaction } from '@sluice/platform-event-log';
import { tenantAdmission, Tickets, withhold } from '@sluice/platform-queue';
import { deactivate, evolve, type Webhook } from '@sluice/webhooks-domain';
import type { WorkflowDependants } from '@sluice/workflows-write';
import type { FindOptionsWhere } from 'typeorm';
import { beginHeldEvents } from './begin-held-events.js';
import { lockWebhooks, saveWebhook } from './webhook.table.js';

/** A webhook ends with its channel, and with its workflow; events wait for their channel. */
@Injectable()
export class ReleaseWebhooks implements ChannelDependants, WorkflowDependants {
  constructor(private readonly tickets: Tickets) {}

  async beginHeldEvents(tx: CommandTransaction, tenantId: string, channelId: string): Promise<boolean> {
    const query = (text: string, values: unknown[]) => tx.manager.query(text, values);
    const { tasks, drained } = await beginHeldEvents(query, tenantId, channelId);
    const tickets = tasks.length === 0 ? [] : await withhold(query, tasks, await tenantAdmission(query, tenantId));
    tx.afterCommit(async () => {
      if (tickets.length > 0) await this.tickets.issue(tickets);
    });
    return drained;
  }

  async countHeldEvents(tx: CommandTransaction, tenantId: string, channelId: string): Promise<number> {
    const [row]: { count: number }[] = await tx.manager.query(
      `SELECT count(*)::int AS count FROM webhook_events WHERE tenant_id = $1 AND channel_id = $2 AND status = 'held'`,
      [tenantId, channelId],
    );
    return row?.count ?? 0;
  }

  releaseChannel(tx: CommandTransaction, tenantId: string, channelId: string, by: string): Promise<void> {
    return release(tx, { tenantId, channelId, status: 'active' }, by);
  }

  releaseWorkflow(tx: CommandTransaction, tenantId: string, workflowId: string, by: string): Promise<void> {
    return release(tx, { tenantId, workflowId, status: 'active' }, by);
  }
}

async function release(tx: CommandTransaction, where: FindOptionsWhere<Webhook>, by: string): Promise<void> {
  for (const webhook of await lockWebhooks(tx.manager, where)) {
    const events = deactivate(webhook, by);
    await saveWebhook(tx.manager, events.reduce(evolve, webhook));
    tx.append(events, webhook.streamVersion);
  }
}
