import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { ExecutionDetailQuery, NodeExecutionQuery, WaitsForChannelQuery } from '@sluice/contracts';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { type Frame, frameOf, framesAround, keyOf } from '@sluice/engine';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { blobIn, DomainError, type Json } from '@sluice/kernel';
import { type ReadClient, ReadStore, selectList } from '@sluice/platform-projections';
import { readBlob } from './get-blob.js';
import { type ExecutionDetail, executionDetail } from './execution-detail.projection.js';
import { executionOf } from './execution-row.js';
import { type ExecutionSummary, executionSummary } from './execution-summary.projection.js';
import { channelWaitedFor, waitsForChannel } from './held-sends.js';

export class ExecutionNotFound extends DomainError {
  constructor(id: string) {
    super('not_found', 'execution_not_found', `There is no execution ${id}.`);
  }
}

export class GetExecution extends Query<ExecutionDetailQuery> {
  constructor(
    readonly tenantId: string,
    readonly executionId: string,
    readonly filter: NodeRunsOfExecution = {},
  ) {
    super();
  }
}

/** A run of loops has node runs without end: of more than these, those of its own come first, then items in the order in which they began. */
const nodeRunsMax = 1_000;

export class NodeRunsOfExecution {
  @ApiPropertyOptional({ description: 'Only node runs of this item of a loop, and of loops within it: `orders:3`', example: 'orders:3' })
  @IsOptional()
  @IsString()
  @MaxLength(1_000)
  iteration?: string;
}

@QueryHandler(GetExecution)
export class GetExecutionHandler implements IQueryHandler<GetExecution> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, executionId, filter }: GetExecution): Promise<ExecutionDetailQuery> {
    return this.store.read(tenantId, async (client) => {
      const runs = await client.query<ExecutionSummary>(
        `SELECT ${selectList(executionSummary, 's')} FROM execution_summary s WHERE s.tenant_id = $1 AND s.id = $2`,
        [tenantId, executionId],
      );
      const run = runs.rows[0];
      if (run === undefined) throw new ExecutionNotFound(executionId);

      const { iteration } = filter;
      const around = iteration === undefined ? [] : framesAround(iteration);
      const { rows: found } = await client.query<ExecutionDetail & HeldSend>(
        `SELECT ${selectList(executionDetail, 'd')}, ${waitsForChannel} FROM execution_detail d LEFT JOIN ${channelWaitedFor}
         WHERE d.tenant_id = $1 AND d.execution_id = $2
           AND ($3::text IS NULL OR d.iteration = ANY ($4::text[]) OR starts_with(d.iteration, $3 || '/'))
         ORDER BY d.iteration = '' DESC, d.ord, d.node_id LIMIT ${nodeRunsMax}`,
        [tenantId, executionId, iteration ?? null, around],
      );
      const { rows: counts } = await client.query<{ n: number }>(
        'SELECT count(*)::int AS n FROM execution_detail d WHERE d.tenant_id = $1 AND d.execution_id = $2',
        [tenantId, executionId],
      );
      const nodes = found.toSorted((a, b) => a.ord - b.ord);
      const items = await itemsOf(client, tenantId, nodes);
      const parent = run.parentExecutionId === null ? {} : { parentExecutionId: run.parentExecutionId };
      return {
        ...executionOf(run),
        ...parent,
        entryNodeId: run.entryNodeId,
        input: run.input,
        output: run.output,
        nodeRunCount: counts[0]?.n ?? 0,
        nodes: nodeRunsOf(run, nodes, items),
      };
    });
  }
}

interface HeldSend {
  readonly waitsForChannel: WaitsForChannelQuery | null;
}

/** The items of loops that have too many to stand in their rows, by the key of the loop's run. */
async function itemsOf(client: ReadClient, tenantId: string, nodes: readonly ExecutionDetail[]): Promise<ReadonlyMap<string, Json>> {
  const found = new Map<string, Json>();
  for (const { nodeId, iteration, items } of nodes) {
    const reference = blobIn(items);
    const value = reference && (await readBlob(client, tenantId, reference.sha256));
    if (value !== undefined) found.set(keyOf(nodeId, iteration), value);
  }
  return found;
}

/** Node runs with the input that each had, which the log and so the read model do not repeat. */
export function nodeRunsOf(
  { input }: Pick<ExecutionSummary, 'input'>,
  nodes: readonly (ExecutionDetail & Partial<HeldSend>)[],
  items: ReadonlyMap<string, Json> = new Map(),
): NodeExecutionQuery[] {
  const byKey = new Map(nodes.map((node) => [keyOf(node.nodeId, node.iteration), node]));
  const outputOf = (key: string): Json => {
    const node = byKey.get(key);
    if (node === undefined) return null;
    return node.passesInput ? inputOf(node) : node.output;
  };
  /** As the engine derives it: the run's input or the item, one node's output, or an object by node id. */
  const inputOf = ({ nodeId, inputFrom, joined, iteration }: ExecutionDetail): Json => {
    const [first, ...others] = inputFrom;
    const frame = frameOf(iteration);
    if (first === undefined && frame === undefined) return input;
    if (first === undefined) return frame?.loopId === nodeId ? null : itemOf(frame);
    if (!joined && others.length === 0) return outputOf(keyOf(first, iteration));
    return Object.fromEntries(inputFrom.map((id) => [id, outputOf(keyOf(id, iteration))]));
  };
  const itemOf = (frame: Frame | undefined): Json => {
    if (frame === undefined) return null;
    const key = keyOf(frame.loopId, frame.outer);
    const list = items.get(key) ?? byKey.get(key)?.items;
    return Array.isArray(list) ? ((list as readonly Json[])[frame.index] ?? null) : null;
  };
  return nodes.map(({ waitsForChannel: channel = null, ...node }) => ({
    id: node.id,
    nodeId: node.nodeId,
    type: node.type,
    ...(node.iteration !== '' && { iteration: node.iteration }),
    ...(node.itemCount !== null && { itemCount: node.itemCount }),
    status: channel === null ? node.status : 'waiting',
    attempt: node.attempt,
    startedAt: node.startedAt,
    completedAt: node.completedAt,
    ...(node.waitUntil !== null && { waitUntil: node.waitUntil }),
    ...(node.waitsFor !== null && { waitsFor: node.waitsFor }),
    ...(channel !== null && { waitsFor: 'channel' as const, waitsForChannel: channel }),
    ...(node.calledExecutionId !== null && { calledExecutionId: node.calledExecutionId }),
    ...(node.handle !== null && { handle: node.handle }),
    input: node.status === 'skipped' ? null : inputOf(node),
    output: outputOf(keyOf(node.nodeId, node.iteration)),
    ...(node.error !== null && { error: node.error }),
    ...(node.sentAfterCancel && { sentAfterCancel: true }),
  }));
}
