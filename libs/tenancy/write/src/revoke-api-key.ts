import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandStore } from '@sluice/platform-event-log';
import { evolveAt, revoke } from '@sluice/tenancy-domain';
import { lockApiKey, saveApiKey } from './api-key.table.js';
import { CommandAuthenticator } from './command-authenticator.js';

export class RevokeApiKey extends Command<void> {
  constructor(
    readonly tenantId: string,
    readonly apiKeyId: string,
    readonly by: string,
  ) {
    super();
  }
}

@CommandHandler(RevokeApiKey)
export class RevokeApiKeyHandler implements ICommandHandler<RevokeApiKey> {
  constructor(
    private readonly store: CommandStore,
    private readonly authenticator: CommandAuthenticator,
  ) {}

  execute({ tenantId, apiKeyId, by }: RevokeApiKey): Promise<void> {
    return this.store.transaction(tenantId, async (tx) => {
      const apiKey = await lockApiKey(tx.manager, tenantId, apiKeyId);
      const events = revoke(apiKey, by);

      await saveApiKey(tx.manager, events.reduce(evolveAt(new Date()), apiKey));
      tx.append(events, apiKey.streamVersion);
      tx.afterCommit(() => this.authenticator.forget());
    });
  }
}
