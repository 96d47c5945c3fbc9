import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { advance, type Fact, type Graph, newRun, type RunState } from '@sluice/engine';
import type { TriggerMetadata, WorkflowNodeTriggered } from '@sluice/executions-domain';
import { DomainError, type Json, type JsonObject, newId } from '@sluice/kernel';
import { compileWorkflow } from '@sluice/nodes';
import { CommandStore } from '@sluice/platform-event-log';
import { Tickets } from '@sluice/platform-queue';
import { currentCorrelation } from '@sluice/platform-telemetry';
import type { Run } from './steps/run.js';
import { startedEvent } from './steps/start-runs.js';

export class WorkflowNotFound extends DomainError {
  constructor(id: string) {
    super('not_found', 'workflow_not_found', `There is no workflow ${id}.`);
  }
}

export class WorkflowIsNotPublished extends DomainError {
  constructor() {
    super('conflict', 'workflow_not_published', 'The workflow has no published version. Publish it first.');
  }
}

export class NodeNotFound extends DomainError {
  constructor(nodeId: string) {
    super('not_found', 'node_not_found', `The published version has no node "${nodeId}".`);
  }
}

/** Begins a run at one node of the published version, with the given input. */
export class TriggerNode extends Command<{ executionId: string }> {
  constructor(
    readonly tenantId: string,
    readonly workflowId: string,
    readonly nodeId: string,
    readonly by: string,
    readonly input: Json,
    readonly metadata: JsonObject | undefined,
  ) {
    super();
  }
}

@CommandHandler(TriggerNode)
export class TriggerNodeHandler implements ICommandHandler<TriggerNode> {
  constructor(
    private readonly store: CommandStore,
    private readonly tickets: Tickets,
  ) {}

  execute({ tenantId, workflowId, nodeId, by, input, metadata }: TriggerNode): Promise<{ executionId: string }> {
    return this.store.transaction(tenantId, async (tx) => {
      const [workflow]: { status: string; version_id: string | null; version: number; graph: Graph | null }[] = await tx.manager.query(
        `SELECT f.status, v.id AS version_id, f.version, v.graph FROM workflows f
         LEFT JOIN workflow_versions v ON v.tenant_id = f.tenant_id AND v.workflow_id = f.id AND v.version = f.version
         WHERE f.tenant_id = $1 AND f.id = $2`,
        [tenantId, workflowId],
      );
      if (workflow === undefined) throw new WorkflowNotFound(workflowId);
      if (workflow.status !== 'published' || workflow.version_id === null || workflow.graph === null) throw new WorkflowIsNotPublished();
      const compiled = compileWorkflow(workflow.graph);
      const program = compiled.programs.get(nodeId);
      if (program === undefined) throw new NodeNotFound(nodeId);

      const now = new Date();
      const id = newId();
      const trigger: TriggerMetadata = {
        source: 'manual',
        sourceType: 'api',
        actionType: 'trigger',
        customerId: typeof metadata?.['customerId'] === 'string' ? metadata['customerId'] : null,
        clientId: by,
        receivedAt: now.toISOString(),
      };
      const isEffect = program.type.kind === 'effect';
      const decide = (state: RunState, fact: Fact) =>
        advance(compiled, { executionId: id, workflowId }, state, fact, { now, newId, random: Math.random });
      const begun = decide(newRun(nodeId, input), { type: 'run.started' });
      // An effect says that it started when its task is queued, as in a step.
      const queued = isEffect ? decide(begun.state, { type: 'node.started', nodeId, attempt: 1 }) : { ...begun, events: [] };
      const run: Run = {
        tenantId,
        id,
        workflowId,
        workflowVersion: workflow.version,
        versionId: workflow.version_id,
        version: 0,
        startKey: `c:${id}`,
        trigger,
        customerId: trigger.customerId,
        correlationId: currentCorrelation()?.correlationId ?? newId(),
        startedAt: now.toISOString(),
        state: queued.state,
      };
      const triggered: WorkflowNodeTriggered = {
        type: 'workflow.node.triggered',
        aggregateId: id,
        payload: {
          workflowId,
          nodeId,
          triggerId: id,
          input,
          metadata: { ...trigger, ...(metadata === undefined ? {} : { custom: metadata }) },
        },
      };
      const events = [triggered, startedEvent(run), ...begun.events, ...queued.events];

      await tx.manager.query(
        `INSERT INTO workflow_executions
           (tenant_id, id, workflow_id, workflow_version, version_id, version, status, start_key, entry_node_id, trigger_meta, customer_id,
            correlation_id, input, started_at)
         VALUES ($1, $2, $3, $4, $5, $6, 'running', $7, $8, $9, $10, $11, $12, $13)`,
        [
          tenantId,
          id,
          workflowId,
          run.workflowVersion,
          run.versionId,
          events.length,
          run.startKey,
          nodeId,
          JSON.stringify(trigger),
          run.customerId,
          run.correlationId,
          JSON.stringify(input),
          run.startedAt,
        ],
      );
      const entry = queued.state.nodes.get(nodeId);
      await tx.manager.query(
        `INSERT INTO node_executions (tenant_id, workflow_execution_id, node_id, id, status, attempt, started_at) VALUES ($1, $2, $3, $4, 'running', 1, $5)`,
        [tenantId, id, nodeId, entry?.id, entry?.startedAt ?? null],
      );
      const [task]: { id: string; gen: number }[] = await tx.manager.query(
        `INSERT INTO tasks (tenant_id, kind, execution_id, node_id, ticketed_at) VALUES ($1, $2, $3, $4, now()) RETURNING id, gen`,
        [tenantId, isEffect ? 'effect' : 'step', id, nodeId],
      );
      tx.append(events, 0);
      tx.afterCommit(async () => {
        if (task !== undefined) await this.tickets.issue([{ id: Number(task.id), gen: task.gen }]);
      });
      return { executionId: id };
    });
  }
}
