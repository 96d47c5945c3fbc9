import { Injectable } from '@nestjs/common';
import { keyOf } from '@sluice/engine';
import type { TriggerMetadata } from '@sluice/executions-domain';
import { isJsonObject, isUuid, type Json, type JsonObject } from '@sluice/kernel';
import { NodeFailure } from '@sluice/nodes';
import { ServiceDatabase, storeClock } from '@sluice/platform-database';
import type { Death } from '../dead-letters/bury-tasks.js';
import { type Begun, beginRun, type Callee } from './begin-run.js';
import { type BrokenVersion, CompiledVersions, isBroken, type PublishedVersion } from './compiled-versions.js';
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
  /** A call of the API was promised this run. */
  readonly executionId?: string;
  readonly asked?: { readonly metadata: JsonObject | undefined };
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
    if (callee === undefined || isBroken(callee)) {
      throw new NodeFailure('workflow_unknown', unknown(workflowId, version), { retryable: false });
    }
    const entryNodeId = manualTriggerOf(callee);
    if (entryNodeId === undefined) {
      throw new NodeFailure('workflow_not_callable', notCallable(workflowId), { retryable: false });
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

  /** A death: there is nothing (any more) that could be begun. */
  async fromTask({ tenantId, payload }: Task, tools: StepTools): Promise<Begun | Death> {
    if (!isBeginPayload(payload)) {
      return { reason: 'cannot_begin', error: { code: 'task_unknown', message: 'Its task is of another release of Sluice.' } };
    }
    const { workflowId, startKey, trigger, input, correlationId } = payload;
    const cannot = (code: string, message: string): Death => ({ reason: 'cannot_begin', error: { code, message }, workflowId });
    const version = await this.published(tenantId, workflowId, payload.version);
    if (version === undefined) return cannot('workflow_unknown', unknown(workflowId, payload.version));
    if (isBroken(version)) {
      return { reason: 'workflow_broken', error: { code: 'workflow_broken', message: version.brokenBecause }, workflowId };
    }
    const entryNodeId = payload.nodeId ?? manualTriggerOf(version);
    if (entryNodeId === undefined) return cannot('workflow_not_callable', notCallable(workflowId));
    if (!version.compiled.programs.has(entryNodeId)) {
      return cannot('node_not_found', `Version ${version.version} of the workflow ${workflowId} has no node "${entryNodeId}".`);
    }
    const asked = payload.asked === undefined ? {} : { asked: { metadata: payload.asked.metadata } };
    return beginRun(version, { executionId: payload.executionId, entryNodeId, startKey, trigger, input, correlationId, ...asked }, tools);
  }

  private async published(
    tenantId: string,
    workflowId: string,
    version: number | undefined,
  ): Promise<PublishedVersion | BrokenVersion | undefined> {
    const { rows } = await this.database.pool.query<{ id: string }>({
      name: 'published-version',
      text: `SELECT v.id FROM workflows f JOIN workflow_versions v ON v.tenant_id = f.tenant_id AND v.workflow_id = f.id AND v.version = coalesce($3, f.version)
             WHERE f.tenant_id = $1 AND f.id = $2 AND f.status = 'published'`,
      values: [tenantId, workflowId, version ?? null],
    });
    const id = rows[0]?.id ?? '';
    return (await this.versions.get(id === '' ? [] : [id])).get(id);
  }
}

const unknown = (workflowId: string, version: number | undefined): string =>
  `The workflow ${workflowId} has ${version === undefined ? 'no published version' : `no version ${version}`} in this tenant.`;
const notCallable = (workflowId: string): string => `The workflow ${workflowId} has no manual trigger to begin with.`;

const manualTriggerOf = ({ compiled }: PublishedVersion): string | undefined =>
  [...compiled.programs].find(([, { type }]) => type.type === 'trigger.manual')?.[0];

/** Tasks are written by ourselves alone: what is checked is that one of another release can be told apart. */
export const isBeginPayload = (payload: unknown): payload is BeginPayload =>
  isJsonObject(payload) && isUuid(payload['workflowId']) && typeof payload['startKey'] === 'string' && isJsonObject(payload['trigger']);
