import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { newId } from '@sluice/kernel';
import { CommandStore } from '@sluice/platform-event-log';
import {
  create,
  type Definition,
  type DefinitionFinding,
  evolve,
  findingsOfImport,
  type Omission,
  undrawn,
} from '@sluice/workflows-domain';
import { CODE_NODES, knownToTenant } from './known-to-tenant.js';
import { saveWorkflow } from './workflow.table.js';

export interface ImportedWorkflow {
  readonly id: string;
  readonly revision: number;
  /** Absent: nothing is left to be done before it is published. */
  readonly findings?: readonly DefinitionFinding[];
}

/** Makes a draft of a document that an export made. Like every draft it may be incomplete. */
export class ImportWorkflow extends Command<ImportedWorkflow> {
  constructor(
    readonly tenantId: string,
    readonly definition: Definition,
    readonly omitted: readonly Omission[],
    readonly by: string,
  ) {
    super();
  }
}

@CommandHandler(ImportWorkflow)
export class ImportWorkflowHandler implements ICommandHandler<ImportWorkflow> {
  constructor(
    private readonly store: CommandStore,
    @Inject(CODE_NODES) private readonly codeNodes: boolean,
  ) {}

  execute({ tenantId, definition, omitted, by }: ImportWorkflow): Promise<ImportedWorkflow> {
    const blank = undrawn(tenantId, newId());
    return this.store.transaction(tenantId, async (tx) => {
      const events = create(blank, definition, by);
      const workflow = events.reduce(evolve, blank);
      const known = await knownToTenant(tx.manager, tenantId, definition, this.codeNodes);
      const findings = findingsOfImport({ ...definition, id: workflow.id }, omitted, known);

      await saveWorkflow(tx.manager, workflow);
      tx.append(events, blank.streamVersion);
      return { id: workflow.id, revision: workflow.revision, ...(findings.length > 0 && { findings }) };
    });
  }
}
