import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type ExecutionMoved, type Footprint, type MoveGraph, whatStandsInTheWay } from '@sluice/executions-domain';
import type { NodeRunStatus, RunStatus } from '@sluice/engine';
import { DomainError } from '@sluice/kernel';
import { type CommandTransaction, CommandStore } from '@sluice/platform-event-log';
import type { EntityManager } from 'typeorm';
import { bulkMax, type ExecutionFilter } from './bulk-executions.js';
import { versionWithId, WorkflowNotFound } from './find-version.js';
import type { PublishedVersion } from './steps/compiled-versions.js';

export interface Moved {
  /** Under way on that version */
  readonly count: number;
  readonly moved?: number;
  readonly refused: readonly { readonly executionId: string; readonly reason: string }[];
  readonly more?: boolean;
}

export class MoveRuns extends Command<Moved> {
  constructor(
    readonly tenantId: string,
    readonly workflowId: string,
    readonly by: string,
    readonly fromVersion: number,
    readonly toVersion: number,
    readonly filter: Omit<ExecutionFilter, 'workflowId' | 'status'>,
    readonly mode: 'do' | 'look',
  ) {
    super();
  }
}

export class WorkflowHasNoVersion extends DomainError {
  constructor(workflowId: string, version: number) {
    super('not_found', 'workflow_version_not_found', `The workflow ${workflowId} has no version ${version}.`);
  }
}

/**
 * Runs that wait, or are paused, go on in another version; the others finish on theirs (promise 3). Each is checked by itself, locked, and
 * moved only if all that it has done is the same there.
 */
@CommandHandler(MoveRuns)
export class MoveRunsHandler implements ICommandHandler<MoveRuns> {
  constructor(private readonly store: CommandStore) {}

  execute(move: MoveRuns): Promise<Moved> {
    const { tenantId, workflowId, fromVersion, toVersion, mode } = move;
    return this.store.transaction(tenantId, async (tx) => {
      const from = await versionNumbered(tx.manager, tenantId, workflowId, fromVersion);
      const to = await versionNumbered(tx.manager, tenantId, workflowId, toVersion);
      const found = await findRuns(tx.manager, move, from.id);
      const more = found.length > bulkMax;
      const runs = found.slice(0, bulkMax);
      const footprints = await readFootprints(tx.manager, tenantId, runs);
      const [before, after] = [moveGraphOf(from), moveGraphOf(to)];
      const refused: { readonly executionId: string; readonly reason: string }[] = [];
      const movable = runs.filter(({ id, status, entry_node_id: entryNodeId }) => {
        const reason = whatStandsInTheWay(status, entryNodeId, footprints.get(id) ?? [], before, after);
        if (reason !== undefined) refused.push({ executionId: id, reason });
        return reason === undefined;
      });
      const answer = { count: runs.length, refused, more };
      if (mode === 'look') return answer;
      await this.moveAll(tx, move, to, movable);
      return { ...answer, moved: movable.length };
    });
  }

  private async moveAll(tx: CommandTransaction, move: MoveRuns, to: PublishedVersion, runs: readonly RunRow[]): Promise<void> {
    const { tenantId, workflowId, by, fromVersion, toVersion } = move;
    if (runs.length === 0) return;
    await tx.manager.query(
      `UPDATE workflow_executions SET version_id = $3, workflow_version = $4, version = version + 1, updated_at = now()
       WHERE tenant_id = $1 AND id = ANY ($2)`,
      [tenantId, runs.map(({ id }) => id), to.id, to.version],
    );
    tx.appendEntries(
      runs.map(({ id, version, correlation_id: correlationId }) => {
        const event: ExecutionMoved = {
          type: 'workflow.execution.moved',
          aggregateId: id,
          payload: { workflowId, fromVersion, toVersion, by },
        };
        return { event, tenantId, aggregateVersion: version + 1, correlationId };
      }),
    );
  }
}

async function versionNumbered(manager: EntityManager, tenantId: string, workflowId: string, version: number): Promise<PublishedVersion> {
  const [row]: { id: string | null }[] = await manager.query(
    `SELECT v.id FROM workflows f LEFT JOIN workflow_versions v ON v.tenant_id = f.tenant_id AND v.workflow_id = f.id AND v.version = $3
     WHERE f.tenant_id = $1 AND f.id = $2`,
    [tenantId, workflowId, version],
  );
  if (row === undefined) throw new WorkflowNotFound(workflowId);
  if (row.id === null) throw new WorkflowHasNoVersion(workflowId, version);
  return versionWithId(manager, tenantId, row.id);
}

const moveGraphOf = ({ version, compiled }: PublishedVersion): MoveGraph => ({
  version,
  compiled,
  handles: new Map([...compiled.programs].map(([id, { type }]) => [id, type.handles(compiled.nodes.get(id)?.config ?? {})])),
});

interface RunRow {
  readonly id: string;
  readonly status: RunStatus;
  readonly version: number;
  readonly entry_node_id: string;
  readonly correlation_id: string;
}

/** Locked, in the order of their ids: nobody commits a step of them meanwhile. */
function findRuns(manager: EntityManager, { tenantId, workflowId, filter }: MoveRuns, versionId: string): Promise<RunRow[]> {
  return manager.query(
    `SELECT e.id, e.status, e.version, e.entry_node_id, e.correlation_id FROM workflow_executions e
     WHERE e.tenant_id = $1 AND e.workflow_id = $2 AND e.version_id = $3 AND e.status IN ('running', 'waiting', 'paused')
       AND ($4::timestamptz IS NULL OR e.started_at >= $4) AND ($5::timestamptz IS NULL OR e.started_at < $5)
       AND ($6::text IS NULL OR e.customer_id = $6)
       AND ($7::text IS NULL OR EXISTS (
         SELECT FROM node_executions n WHERE n.tenant_id = e.tenant_id AND n.workflow_execution_id = e.id AND n.node_id = $7
           AND n.status IN ('running', 'waiting', 'in_doubt')))
     ORDER BY e.id LIMIT ${bulkMax + 1} FOR UPDATE OF e`,
    [tenantId, workflowId, versionId, filter.dateFrom ?? null, filter.dateTo ?? null, filter.customerId ?? null, filter.nodeId ?? null],
  );
}

/** Of each run; the items of a loop leave the same traces, which are read once. */
async function readFootprints(
  manager: EntityManager,
  tenantId: string,
  runs: readonly RunRow[],
): Promise<ReadonlyMap<string, readonly Footprint[]>> {
  const rows: { id: string; node_id: string; loops: string; status: NodeRunStatus; handle: string | null; is_loop: boolean }[] =
    await manager.query(
      `SELECT DISTINCT workflow_execution_id AS id, node_id, regexp_replace(iteration, ':[0-9]+', '', 'g') AS loops, status, handle,
              loop_count IS NOT NULL OR regexp_replace(iteration, '^(.*/)?([^/:]*):[0-9]+$', '\\2') = node_id AS is_loop
       FROM node_executions WHERE tenant_id = $1 AND workflow_execution_id = ANY ($2)`,
      [tenantId, runs.map(({ id }) => id)],
    );
  const byRun = Map.groupBy(rows, ({ id }) => id);
  return new Map(
    [...byRun].map(([id, own]) => [
      id,
      own.map(({ node_id: nodeId, loops, status, handle, is_loop: isLoop }) => ({
        nodeId,
        loops: loops === '' ? [] : loops.split('/'),
        status,
        handle,
        isLoop,
      })),
    ]),
  );
}
