import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { createApp, evolveApp, type ProviderAppCredentials, type ProviderAppSettings, uncreatedApp } from '@sluice/channels-domain';
import { newId } from '@sluice/kernel';
import { CommandStore } from '@sluice/platform-event-log';
import { ChannelEncryption } from './channel-encryption.js';
import { insertProviderApp } from './provider-app.table.js';

/** Answers the path of the app's one callback URL. */
export class CreateProviderApp extends Command<{ id: string; endpoint: string }> {
  constructor(
    readonly tenantId: string,
    readonly settings: ProviderAppSettings,
    readonly credentials: ProviderAppCredentials,
    readonly by: string,
  ) {
    super();
  }
}

@CommandHandler(CreateProviderApp)
export class CreateProviderAppHandler implements ICommandHandler<CreateProviderApp> {
  constructor(
    private readonly store: CommandStore,
    private readonly encryption: ChannelEncryption,
  ) {}

  execute({ tenantId, settings, credentials, by }: CreateProviderApp): Promise<{ id: string; endpoint: string }> {
    return this.store.transaction(tenantId, async (tx) => {
      const blank = uncreatedApp(tenantId, newId());
      const events = createApp(blank, settings, by);
      const app = events.reduce(evolveApp, blank);

      await insertProviderApp(tx.manager, app, credentials, this.encryption.keys);
      tx.append(events, blank.streamVersion);
      return { id: app.id, endpoint: `/webhooks/${app.id}/${app.provider}/all` };
    });
  }
}
