import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { BacktestEvent } from '@sluice/executions-domain';
import { newId } from '@sluice/kernel';
import { checkGraph } from '@sluice/nodes';
import { CommandStore } from '@sluice/platform-event-log';
import { Tickets } from '@sluice/platform-queue';
import { currentCorrelation } from '@sluice/platform-telemetry';
import { WorkflowIsArchived, WorkflowNotPublishable } from '@sluice/workflows-domain';
import { findDraft } from './find-draft.js';
import { WorkflowIsNotPublished } from './find-version.js';
import { writeRequest } from './issue-request.js';

/** Has a worker run the draft over what started the newest runs of a workflow. Draft and runs are those of now. */
export class StartBacktest extends Command<{ backtestId: string }> {
  constructor(
    readonly tenantId: string,
    readonly workflowId: string,
    readonly by: string,
    readonly events: number,
  ) {
    super();
  }
}

@CommandHandler(StartBacktest)
export class StartBacktestHandler implements ICommandHandler<StartBacktest> {
  constructor(
    private readonly store: CommandStore,
    private readonly tickets: Tickets,
  ) {}

  execute({ tenantId, workflowId, by, events }: StartBacktest): Promise<{ backtestId: string }> {
    return this.store.transaction(tenantId, async (tx) => {
      const { status, ...draft } = await findDraft(tx.manager, tenantId, workflowId);
      if (status === 'archived') throw new WorkflowIsArchived(workflowId);
      if (draft.version === 0) throw new WorkflowIsNotPublished();
      const findings = checkGraph(draft.graph);
      if (findings.length > 0) throw new WorkflowNotPublishable(findings);

      const runs: { id: string }[] = await tx.manager.query(
        `SELECT id FROM workflow_executions
         WHERE tenant_id = $1 AND workflow_id = $2 AND trigger_meta->>'source' = 'webhook' AND status IN ('completed', 'failed', 'incomplete')
         ORDER BY id DESC LIMIT $3`,
        [tenantId, workflowId, events],
      );
      const executionIds = runs.map(({ id }) => id);
      const correlationId = currentCorrelation()?.correlationId ?? newId();
      const { requestId } = await writeRequest(tx, this.tickets, {
        tenantId,
        workflowId,
        kind: 'backtest',
        request: { draft, executionIds, correlationId },
        by,
      });
      const started: BacktestEvent = {
        type: 'backtest.started',
        aggregateId: requestId,
        payload: { workflowId, draftRevision: draft.revision, liveVersion: draft.version, events: executionIds.length, by },
      };
      tx.append([started], 0);
      return { backtestId: requestId };
    });
  }
}
