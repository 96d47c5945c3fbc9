import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { deleteApp, evolveApp } from '@sluice/channels-domain';
import { CommandStore } from '@sluice/platform-event-log';
import { lockProviderApp } from './provider-app.table.js';

/** Its channels stay, with their own URLs. */
export class DeleteProviderApp extends Command<void> {
  constructor(
    readonly tenantId: string,
    readonly appId: string,
    readonly by: string,
  ) {
    super();
  }
}

@CommandHandler(DeleteProviderApp)
export class DeleteProviderAppHandler implements ICommandHandler<DeleteProviderApp> {
  constructor(private readonly store: CommandStore) {}

  execute({ tenantId, appId, by }: DeleteProviderApp): Promise<void> {
    return this.store.transaction(tenantId, async (tx) => {
      const app = await lockProviderApp(tx.manager, tenantId, appId);
      const events = deleteApp(app, by);
      if (events.length === 0) return;

      const { status, streamVersion } = events.reduce(evolveApp, app);
      await tx.manager.query(
        `UPDATE provider_apps SET status = $3, stream_version = $4, key_id = NULL, sealed = NULL, updated_at = now()
         WHERE tenant_id = $1 AND id = $2`,
        [tenantId, appId, status, streamVersion],
      );
      tx.append(events, app.streamVersion);
    });
  }
}
