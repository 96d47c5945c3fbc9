import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { ProviderIsUnknown } from '@sluice/channels-domain';
import { ChannelEncryption, queryableOf, readChannel } from '@sluice/channels-write';
import { newId } from '@sluice/kernel';
import { CommandStore, type CommandTransaction, type ShownOnce } from '@sluice/platform-event-log';
import { providerNamed, providers } from '@sluice/providers';
import { evolve, register, type Registration, unregistered } from '@sluice/webhooks-domain';
import { channelOf, graphsOf } from './registration-facts.js';
import { insertWebhook } from './webhook.table.js';

export interface RegisteredWebhook {
  readonly id: string;
  /** A path under the gateway */
  readonly endpoint: string;
  /** The channel's: who registers needs it for the provider's console. Signing secrets are given to us, so none is ever shown. */
  readonly verifyToken?: string;
}

export class RegisterWebhook extends Command<ShownOnce<RegisteredWebhook, 'verifyToken'>> {
  constructor(
    readonly tenantId: string,
    readonly registration: Registration,
    readonly channelId: string | undefined,
    readonly by: string,
  ) {
    super();
  }
}

@CommandHandler(RegisterWebhook)
export class RegisterWebhookHandler implements ICommandHandler<RegisterWebhook> {
  constructor(
    private readonly store: CommandStore,
    private readonly encryption: ChannelEncryption,
  ) {}

  execute({ tenantId, registration, channelId, by }: RegisterWebhook): Promise<ShownOnce<RegisteredWebhook, 'verifyToken'>> {
    const provider = providerNamed(registration.provider);
    if (provider === undefined) throw new ProviderIsUnknown(registration.provider, providers.keys());

    const work = async (tx: CommandTransaction): Promise<RegisteredWebhook> => {
      const graphs = await graphsOf(tx.manager, tenantId, registration.workflowId);
      const channel = await channelOf(tx.manager, tenantId, registration.provider, channelId);
      const blank = unregistered(tenantId, newId());
      const events = register(blank, registration, { graphs, channel, actionTypes: provider.actionTypes }, by);
      const webhook = events.reduce(evolve, blank);

      await insertWebhook(tx.manager, webhook);
      tx.append(events, blank.streamVersion);
      const opened = await readChannel(queryableOf(tx.manager), channel.id, this.encryption, tenantId);
      return { id: webhook.id, endpoint: webhook.endpoint, verifyToken: opened?.secrets.verifyToken };
    };
    return this.store.transaction(tenantId, work, ['verifyToken']);
  }
}
