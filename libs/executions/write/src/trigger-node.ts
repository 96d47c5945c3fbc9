import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { TriggerMetadata } from '@sluice/executions-domain';
import { DomainError, type Json, type JsonObject, newId } from '@sluice/kernel';
import { storeClock } from '@sluice/platform-database';
import { CommandStore } from '@sluice/platform-event-log';
import { Tickets } from '@sluice/platform-queue';
import { currentCorrelation } from '@sluice/platform-telemetry';
import { ApiStepTools } from './api-step-tools.js';
import { newestVersion } from './find-version.js';
import { clientOf, writeSteps } from './run-controls.js';
import { beginRun } from './steps/begin-run.js';

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
    private readonly tools: ApiStepTools,
  ) {}

  execute({ tenantId, workflowId, nodeId, by, input, metadata }: TriggerNode): Promise<{ executionId: string }> {
    return this.store.transaction(tenantId, async (tx) => {
      const version = await newestVersion(tx.manager, tenantId, workflowId);
      if (!version.compiled.programs.has(nodeId)) throw new NodeNotFound(nodeId);
      const trigger: TriggerMetadata = {
        source: 'manual',
        sourceType: 'api',
        actionType: 'trigger',
        customerId: typeof metadata?.['customerId'] === 'string' ? metadata['customerId'] : null,
        clientId: by,
        receivedAt: storeClock.now().toISOString(),
      };
      const begun = await beginRun(
        version,
        {
          entryNodeId: nodeId,
          startKey: `c:${newId()}`,
          trigger,
          input,
          correlationId: currentCorrelation()?.correlationId ?? newId(),
          asked: { metadata },
        },
        this.tools.toolsFor(tenantId, await clientOf(tx)),
        'later',
      );
      await writeSteps(tx, this.tickets, [], [begun]);
      return { executionId: begun.step.run.id };
    });
  }
}
