import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { deleteCredential } from '@sluice/channels-domain';
import { CommandStore } from '@sluice/platform-event-log';
import { deleteHttpCredential } from './http-credential.table.js';

/** Its secret is gone with this commit: nodes that name it fail from then on. */
export class DeleteHttpCredential extends Command<void> {
  constructor(
    readonly tenantId: string,
    readonly credentialId: string,
    readonly by: string,
  ) {
    super();
  }
}

@CommandHandler(DeleteHttpCredential)
export class DeleteHttpCredentialHandler implements ICommandHandler<DeleteHttpCredential> {
  constructor(private readonly store: CommandStore) {}

  execute({ tenantId, credentialId, by }: DeleteHttpCredential): Promise<void> {
    return this.store.transaction(tenantId, async (tx) => {
      await deleteHttpCredential(tx.manager, tenantId, credentialId);
      tx.append(deleteCredential(credentialId, by), 1);
    });
  }
}
