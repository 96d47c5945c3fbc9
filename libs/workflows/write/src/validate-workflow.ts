import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { InputError } from '@sluice/kernel';
import { CommandStore } from '@sluice/platform-event-log';
import { findingsOf } from '@sluice/workflows-domain';
import { knownToTenant } from './known-to-tenant.js';
import { findWorkflow } from './workflow.table.js';

/** What publishing the draft would say. */
export class ValidateWorkflow extends Query<readonly InputError[]> {
  constructor(
    readonly tenantId: string,
    readonly workflowId: string,
  ) {
    super();
  }
}

@QueryHandler(ValidateWorkflow)
export class ValidateWorkflowHandler implements IQueryHandler<ValidateWorkflow> {
  constructor(private readonly store: CommandStore) {}

  execute({ tenantId, workflowId }: ValidateWorkflow): Promise<readonly InputError[]> {
    return this.store.read(tenantId, async (manager) => {
      const workflow = await findWorkflow(manager, tenantId, workflowId);
      return findingsOf(workflow.draft, await knownToTenant(manager, tenantId, workflow.draft));
    });
  }
}
