import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { ExecutionDetailQuery, NodeExecutionQuery } from '@sluice/contracts';
import { DomainError, type Json } from '@sluice/kernel';
import { ReadStore, selectList } from '@sluice/platform-projections';
import { type ExecutionDetail, executionDetail } from './execution-detail.projection.js';
import { executionOf } from './execution-row.js';
import { type ExecutionSummary, executionSummary } from './execution-summary.projection.js';

export class ExecutionNotFound extends DomainError {
  constructor(id: string) {
    super('not_found', 'execution_not_found', `There is no execution ${id}.`);
  }
}

export class GetExecution extends Query<ExecutionDetailQuery> {
  constructor(
    readonly tenantId: string,
    readonly executionId: string,
  ) {
    super();
  }
}

@QueryHandler(GetExecution)
export class GetExecutionHandler implements IQueryHandler<GetExecution> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, executionId }: GetExecution): Promise<ExecutionDetailQuery> {
    return this.store.read(tenantId, async (client) => {
      const runs = await client.query<ExecutionSummary>(
        `SELECT ${selectList(executionSummary, 's')} FROM execution_summary s WHERE s.tenant_id = $1 AND s.id = $2`,
        [tenantId, executionId],
      );
      const run = runs.rows[0];
      if (run === undefined) throw new ExecutionNotFound(executionId);

      const { rows: nodes } = await client.query<ExecutionDetail>(
        `SELECT ${selectList(executionDetail, 'd')} FROM execution_detail d
         WHERE d.tenant_id = $1 AND d.execution_id = $2 ORDER BY d.ord, d.node_id`,
        [tenantId, executionId],
      );
      return { ...executionOf(run), entryNodeId: run.entryNodeId, input: run.input, output: run.output, nodes: nodeRunsOf(run, nodes) };
    });
  }
}

/** Node runs with the input that each had, which the log and so the read model do not repeat. */
export function nodeRunsOf({ input }: Pick<ExecutionSummary, 'input'>, nodes: readonly ExecutionDetail[]): NodeExecutionQuery[] {
  const outputs = new Map(nodes.map((node) => [node.nodeId, node.passesInput ? input : node.output]));
  return nodes.map((node) => ({
    id: node.id,
    nodeId: node.nodeId,
    type: node.type,
    ...(node.iteration !== '' && { iteration: node.iteration }),
    status: node.status,
    attempt: node.attempt,
    startedAt: node.startedAt,
    completedAt: node.completedAt,
    ...(node.waitUntil !== null && { waitUntil: node.waitUntil }),
    ...(node.handle !== null && { handle: node.handle }),
    input: node.status === 'skipped' ? null : inputOf(node, input, outputs),
    output: node.passesInput ? input : node.output,
    ...(node.error !== null && { error: node.error }),
    ...(node.sentAfterCancel && { sentAfterCancel: true }),
  }));
}

/** As the engine derives it: the run's input, one node's output, or an object by node id. */
function inputOf({ inputFrom, joined }: ExecutionDetail, runInput: Json, outputs: ReadonlyMap<string, Json>): Json {
  const [first, ...others] = inputFrom;
  if (first === undefined) return runInput;
  if (!joined && others.length === 0) return outputs.get(first) ?? null;
  return Object.fromEntries(inputFrom.map((nodeId) => [nodeId, outputs.get(nodeId) ?? null]));
}
