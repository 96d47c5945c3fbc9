import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { newId } from '@sluice/kernel';
import { CommandStore } from '@sluice/platform-event-log';
import { type KeyGrant, newKey, unissued } from '@sluice/tenancy-domain';
import { issueKey } from './issue-key.js';

export class CreateApiKey extends Command<{ id: string; key: string }> {
  constructor(
    readonly tenantId: string,
    readonly grant: KeyGrant,
    readonly by: string,
  ) {
    super();
  }
}

@CommandHandler(CreateApiKey)
export class CreateApiKeyHandler implements ICommandHandler<CreateApiKey> {
  constructor(private readonly store: CommandStore) {}

  execute({ tenantId, grant, by }: CreateApiKey): Promise<{ id: string; key: string }> {
    const id = newId();
    const key = newKey();
    return this.store.transaction(tenantId, async (tx) => {
      await issueKey(tx, unissued(tenantId, id), key, grant, by);
      return { id, key };
    });
  }
}
