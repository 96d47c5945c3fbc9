import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandStore } from '@sluice/platform-event-log';
import { changeQuotas, evolveTenant, type Quotas } from '@sluice/tenancy-domain';
import { lockTenant, saveTenant } from './tenant.table.js';

/** Replaces all quotas of a tenant. */
export class ChangeQuotas extends Command<{ id: string; quotas: Quotas }> {
  constructor(
    readonly tenantId: string,
    readonly quotas: Quotas,
    readonly by: string,
  ) {
    super();
  }
}

@CommandHandler(ChangeQuotas)
export class ChangeQuotasHandler implements ICommandHandler<ChangeQuotas> {
  constructor(private readonly store: CommandStore) {}

  execute({ tenantId, quotas, by }: ChangeQuotas): Promise<{ id: string; quotas: Quotas }> {
    return this.store.transaction(tenantId, async (tx) => {
      const tenant = await lockTenant(tx.manager, tenantId);
      const events = changeQuotas(tenant, quotas, by);

      if (events.length > 0) {
        await saveTenant(tx.manager, events.reduce(evolveTenant, tenant));
        // While there is no such quota nobody counts: what begins next counts anew.
        await tx.manager.query('DELETE FROM daily_runs WHERE tenant_id = $1', [tenantId]);
      }
      tx.append(events, tenant.streamVersion);
      return { id: tenantId, quotas };
    });
  }
}
