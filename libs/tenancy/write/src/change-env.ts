import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { JsonObject } from '@sluice/kernel';
import { CommandStore } from '@sluice/platform-event-log';
import { changeEnv, evolveTenant } from '@sluice/tenancy-domain';
import { lockTenant, saveTenant } from './tenant.table.js';

/** Replaces all variables of a tenant; workers read them anew within 10 s. */
export class ChangeEnv extends Command<{ id: string; names: string[] }> {
  constructor(
    readonly tenantId: string,
    readonly env: JsonObject,
    readonly by: string,
  ) {
    super();
  }
}

@CommandHandler(ChangeEnv)
export class ChangeEnvHandler implements ICommandHandler<ChangeEnv> {
  constructor(private readonly store: CommandStore) {}

  execute({ tenantId, env, by }: ChangeEnv): Promise<{ id: string; names: string[] }> {
    return this.store.transaction(tenantId, async (tx) => {
      const tenant = await lockTenant(tx.manager, tenantId);
      const events = changeEnv(tenant, env, by);

      if (events.length > 0) await saveTenant(tx.manager, { ...events.reduce(evolveTenant, tenant), env });
      tx.append(events, tenant.streamVersion);
      return { id: tenantId, names: Object.keys(env).sort() };
    });
  }
}
