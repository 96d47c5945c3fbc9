import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { createCredential, httpCredential, type HttpSecret } from '@sluice/channels-domain';
import { newId } from '@sluice/kernel';
import { CommandStore } from '@sluice/platform-event-log';
import { ChannelEncryption } from './channel-encryption.js';
import { insertHttpCredential } from './http-credential.table.js';

/** A secret for calls of `http.request`, to the named hosts alone. */
export class CreateHttpCredential extends Command<{ id: string }> {
  constructor(
    readonly tenantId: string,
    readonly name: string,
    readonly secret: HttpSecret,
    readonly allowedHosts: readonly string[],
    readonly by: string,
  ) {
    super();
  }
}

@CommandHandler(CreateHttpCredential)
export class CreateHttpCredentialHandler implements ICommandHandler<CreateHttpCredential> {
  constructor(
    private readonly store: CommandStore,
    private readonly encryption: ChannelEncryption,
  ) {}

  execute({ tenantId, name, secret, allowedHosts, by }: CreateHttpCredential): Promise<{ id: string }> {
    const credential = httpCredential(secret, allowedHosts);
    return this.store.transaction(tenantId, async (tx) => {
      const id = newId();
      await insertHttpCredential(tx.manager, { tenantId, id, name, createdBy: by }, credential, this.encryption.keys);
      tx.append(createCredential(id, name, credential, by), 0);
      return { id };
    });
  }
}
