import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { cancel, ExecutionNotFound, type OpenExecution } from '@sluice/executions-domain';
import { CommandStore } from '@sluice/platform-event-log';
import { countEvents } from './steps/execution-metrics.js';

export class CancelExecution extends Command<{ id: string; status: 'cancelled' }> {
  constructor(
    readonly tenantId: string,
    readonly executionId: string,
    readonly by: string,
  ) {
    super();
  }
}

/**
 * Ends a run where it is. The locked row decides between this and a step that is being committed: whoever is second finds a run that is
 * over. A call that is under way cannot be called back: its task stays with its worker, which records what came of it.
 */
@CommandHandler(CancelExecution)
export class CancelExecutionHandler implements ICommandHandler<CancelExecution> {
  constructor(private readonly store: CommandStore) {}

  execute({ tenantId, executionId, by }: CancelExecution): Promise<{ id: string; status: 'cancelled' }> {
    return this.store.transaction(tenantId, async (tx) => {
      const [execution]: (OpenExecution & { version: string })[] = await tx.manager.query(
        `SELECT id, workflow_id AS "workflowId", status, version FROM workflow_executions WHERE tenant_id = $1 AND id = $2 FOR UPDATE`,
        [tenantId, executionId],
      );
      if (execution === undefined) throw new ExecutionNotFound(executionId);
      const now = new Date();
      const events = cancel(execution, by, now);

      await tx.manager.query(
        `UPDATE workflow_executions SET status = 'cancelled', version = version + $3, completed_at = $4, updated_at = now()
         WHERE tenant_id = $1 AND id = $2`,
        [tenantId, executionId, events.length, now],
      );
      await tx.manager.query(
        `DELETE FROM tasks WHERE id IN (
           SELECT id FROM tasks WHERE execution_id = $2 AND tenant_id = $1 AND status <> 'leased' ORDER BY id FOR UPDATE)`,
        [tenantId, executionId],
      );
      await tx.manager.query('DELETE FROM timers WHERE tenant_id = $1 AND execution_id = $2', [tenantId, executionId]);
      tx.append(events, Number(execution.version));
      tx.afterCommit(() => countEvents(events));
      return { id: executionId, status: 'cancelled' };
    });
  }
}
