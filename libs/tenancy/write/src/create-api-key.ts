import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { newId } from '@sluice/kernel';
import { CommandStore, type CommandTransaction, type ShownOnce } from '@sluice/platform-event-log';
import { type KeyGrant, newKey, unissued } from '@sluice/tenancy-domain';
import { type IssuedKey, issueKey } from './issue-key.js';

export class CreateApiKey extends Command<ShownOnce<IssuedKey, 'key'>> {
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

  execute({ tenantId, grant, by }: CreateApiKey): Promise<ShownOnce<IssuedKey, 'key'>> {
    const id = newId();
    const key = newKey();
    const work = async (tx: CommandTransaction): Promise<IssuedKey> => {
      await issueKey(tx, unissued(tenantId, id), key, grant, by);
      return { id, key };
    };
    return this.store.transaction(tenantId, work, ['key']);
  }
}
