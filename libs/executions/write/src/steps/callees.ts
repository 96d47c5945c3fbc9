import { Injectable } from '@nestjs/common';
import { keyOf } from '@sluice/engine';
import type { TriggerMetadata } from '@sluice/executions-domain';
import { isJsonObject, type Json } from '@sluice/kernel';
import { NodeFailure } from '@sluice/nodes';
import { ServiceDatabase, storeClock } from '@sluice/platform-database';
import { type Begun, beginRun, type Callee } from './begin-run.js';
import { CompiledVersions, isBroken, type PublishedVersion } from './compiled-versions.js';
import type { Run } from './run.js';
import type { StepTools } from './run-step.js';
import type { Task } from './tasks.js';

/** What a task of kind `begin` says. Without `nodeId` the workflow is begun by its first manual trigger, without `version` by its newest. */
export interface BeginPayload {
  readonly workflowId: string;
  readonly version?: number;
  readonly nodeId?: string;
  readonly startKey: string;
  readonly trigger: TriggerMetadata;
  readonly input: Json;
  readonly correlationId: string;
}

/** Workflows that are begun by others than events. */
@Injectable()
export class Callees {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly versions: CompiledVersions,
  ) {}

  async find(caller: Run, workflowId: string, version: number | undefined, tools: StepTools): Promise<Callee> {
    const callee = await this.published(caller.tenantId, workflowId, version);
    if (callee === undefined) {
      const which = version === undefined ? 'no published version' : `no version ${version}`;
      throw new NodeFailure('workflow_unknown', `The workflow ${workflowId} has ${which} in this tenant.`, { retryable: false });
    }
    const entryNodeId = manualTriggerOf(callee);
    if (entryNodeId === undefined) {
      throw new NodeFailure('workflow_not_callable', `The workflow ${workflowId} has no manual trigger to begin with.`, {
        retryable: false,
      });
    }
    return {
      begin: (input, parent, attempt) =>
        beginRun(
          callee,
          {
            entryNodeId,
            startKey: `p:${parent.executionId}:${keyOf(parent.nodeId, parent.iteration)}#${attempt}`,
            trigger: {
              source: 'subworkflow',
              sourceType: 'subworkflow',
              actionType: 'call',
              customerId: caller.customerId,
              clientId: caller.id,
              receivedAt: storeClock.now().toISOString(),
            },
            input,
            correlationId: caller.correlationId,
            parent,
            depth: caller.depth + 1,
          },
          tools,
          'later',
        ),
    };
  }

  /** undefined: there is nothing (any more) that could be begun. */
  async fromTask({ tenantId, payload }: Task, tools: StepTools): Promise<Begun | undefined> {
    if (!isBeginPayload(payload)) return undefined;
    const version = await this.published(tenantId, payload.workflowId, payload.version);
    const entryNodeId = version && (payload.nodeId ?? manualTriggerOf(version));
    if (version === undefined || entryNodeId === undefined || !version.compiled.programs.has(entryNodeId)) return undefined;
    const { startKey, trigger, input, correlationId } = payload;
    return beginRun(version, { entryNodeId, startKey, trigger, input, correlationId }, tools);
  }

  private async published(tenantId: string, workflowId: string, version: number | undefined): Promise<PublishedVersion | undefined> {
    const { rows } = await this.database.pool.query<{ id: string }>({
      name: 'published-version',
      text: `SELECT v.id FROM workflows f JOIN workflow_versions v ON v.tenant_id = f.tenant_id AND v.workflow_id = f.id AND v.version = coalesce($3, f.version)
             WHERE f.tenant_id = $1 AND f.id = $2 AND f.status = 'published'`,
      values: [tenantId, workflowId, version ?? null],
    });
    const id = rows[0]?.id ?? '';
    const found = (await this.versions.get(id === '' ? [] : [id])).get(id);
    return found === undefined || isBroken(found) ? undefined : found;
  }
}

const manualTriggerOf = ({ compiled }: PublishedVersion): string | undefined =>
  [...compiled.programs].find(([, { type }]) => type.type === 'trigger.manual')?.[0];

/** Tasks are written by ourselves alone: what is checked is that one of another release can be told apart. */
const isBeginPayload = (payload: unknown): payload is BeginPayload =>
  isJsonObject(payload) &&
  typeof payload['workflowId'] === 'string' &&
  typeof payload['startKey'] === 'string' &&
  isJsonObject(payload['trigger']);
