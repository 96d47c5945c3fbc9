import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { newId } from '@sluice/kernel';
import { CommandStore, type CommandTransaction, type ShownOnce } from '@sluice/platform-event-log';
import { newKey, type TenantCreated, unissued } from '@sluice/tenancy-domain';
import { type IssuedKey, issueKey } from './issue-key.js';
import { insertTenant } from './tenant.table.js';

export class CreateTenant extends Command<ShownOnce<IssuedKey, 'key'>> {
  constructor(
    readonly name: string,
    readonly by: string,
  ) {
    super();
  }
}

export const tenantCreated = (id: string, name: string): TenantCreated => ({ type: 'tenant.created', aggregateId: id, payload: { name } });

@CommandHandler(CreateTenant)
export class CreateTenantHandler implements ICommandHandler<CreateTenant> {
  constructor(private readonly store: CommandStore) {}

  execute({ name, by }: CreateTenant): Promise<ShownOnce<IssuedKey, 'key'>> {
    const id = newId();
    const key = newKey();
    const work = async (tx: CommandTransaction): Promise<IssuedKey> => {
      await insertTenant(tx.manager, id, name);
      tx.append([tenantCreated(id, name)], 0);
      await issueKey(tx, unissued(id, newId()), key, { name: 'First key', role: 'admin', expiresAt: null }, by);
      return { id, key };
    };
    return this.store.transaction(id, work, ['key']);
  }
}
