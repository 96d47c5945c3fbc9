import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { JobQuery } from '@sluice/contracts';
import { DomainError } from '@sluice/kernel';
import { type ReadClient, ReadStore, selectList } from '@sluice/platform-projections';
import { type ExecutionDetail, executionDetail } from './execution-detail.projection.js';
import { executionColumns, type ExecutionRow } from './execution-row.js';
import { channelWaitedFor, shownStatus } from './held-sends.js';
import { executionJobState, nodeJobState } from './job-state.js';

export class JobNotFound extends DomainError {
  constructor(id: string) {
    super('not_found', 'job_not_found', `There is no node run or execution ${id}.`);
  }
}

export class GetJob extends Query<JobQuery> {
  constructor(
    readonly tenantId: string,
    readonly jobId: string,
  ) {
    super();
  }
}

/** How far a node run or an execution is, from the read models alone: queues are the command store's own. */
@QueryHandler(GetJob)
export class GetJobHandler implements IQueryHandler<GetJob> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, jobId }: GetJob): Promise<JobQuery> {
    return this.store.read(tenantId, async (client) => {
      const now = new Date().toISOString();
      const job = (await executionJob(client, tenantId, jobId, now)) ?? (await nodeJob(client, tenantId, jobId, now));
      if (job === undefined) throw new JobNotFound(jobId);
      return job;
    });
  }
}

const nodeColumns = `${shownStatus} AS "status", ${selectList(executionDetail, 'd', [
  'id',
  'executionId',
  'workflowId',
  'nodeId',
  'attempt',
  'waitUntil',
  'error',
  'startedAt',
  'completedAt',
] satisfies (keyof ExecutionDetail)[])}`;
const nodeTables = `execution_detail d LEFT JOIN ${channelWaitedFor}`;

async function executionJob(client: ReadClient, tenantId: string, id: string, now: string): Promise<JobQuery | undefined> {
  const runs = await client.query<ExecutionRow>(
    `SELECT ${executionColumns} FROM execution_summary s WHERE s.tenant_id = $1 AND s.id = $2`,
    [tenantId, id],
  );
  const run = runs.rows[0];
  if (run === undefined) return undefined;
  const { rows: nodes } = await client.query<ExecutionDetail>(
    `SELECT ${nodeColumns} FROM ${nodeTables} WHERE d.tenant_id = $1 AND d.execution_id = $2 ORDER BY d.ord, d.node_id`,
    [tenantId, id],
  );
  const { workflowId, status, error, startedAt, completedAt } = run;
  const lastError = error ?? nodes.findLast((node) => node.error !== null)?.error ?? null;
  return {
    id,
    kind: 'execution',
    executionId: id,
    workflowId,
    ...executionJobState(status, nodes, now),
    status,
    attempts: Math.max(0, ...nodes.map(({ attempt }) => attempt)),
    ...(lastError !== null && { lastError }),
    startedAt,
    completedAt,
  };
}

async function nodeJob(client: ReadClient, tenantId: string, id: string, now: string): Promise<JobQuery | undefined> {
  const { rows } = await client.query<ExecutionDetail>(`SELECT ${nodeColumns} FROM ${nodeTables} WHERE d.tenant_id = $1 AND d.id = $2`, [
    tenantId,
    id,
  ]);
  const [run] = rows;
  if (run === undefined) return undefined;
  const { executionId, workflowId, nodeId, status, attempt, error, startedAt, completedAt } = run;
  return {
    id,
    kind: 'node',
    executionId,
    workflowId,
    nodeId,
    ...nodeJobState(run, now),
    status,
    attempts: attempt,
    ...(error !== null && { lastError: error }),
    startedAt,
    completedAt,
  };
}
