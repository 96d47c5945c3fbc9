import { Injectable } from '@nestjs/common';
import type { ChannelDependants } from '@sluice/channels-write';
import type { CommandTransaction } from '@sluice/platform-event-log';
import { deactivate, evolve, type Webhook } from '@sluice/webhooks-domain';
import type { WorkflowDependants } from '@sluice/workflows-write';
import type { FindOptionsWhere } from 'typeorm';
import { lockWebhooks, saveWebhook } from './webhook.table.js';

/** A webhook ends with its channel, and with its workflow. */
@Injectable()
export class ReleaseWebhooks implements ChannelDependants, WorkflowDependants {
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
