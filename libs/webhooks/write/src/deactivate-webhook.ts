import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandStore } from '@sluice/platform-event-log';
import { deactivate, evolve } from '@sluice/webhooks-domain';
import { lockWebhook, saveWebhook } from './webhook.table.js';

export class DeactivateWebhook extends Command<void> {
  constructor(
    readonly tenantId: string,
    readonly webhookId: string,
    readonly by: string,
  ) {
    super();
  }
}

@CommandHandler(DeactivateWebhook)
export class DeactivateWebhookHandler implements ICommandHandler<DeactivateWebhook> {
  constructor(private readonly store: CommandStore) {}

  execute({ tenantId, webhookId, by }: DeactivateWebhook): Promise<void> {
    return this.store.transaction(tenantId, async (tx) => {
      const webhook = await lockWebhook(tx.manager, tenantId, webhookId);
      const events = deactivate(webhook, by);
      if (events.length === 0) return;

      await saveWebhook(tx.manager, events.reduce(evolve, webhook));
      tx.append(events, webhook.streamVersion);
    });
  }
}
