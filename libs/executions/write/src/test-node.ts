import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { DomainError, type Json, type JsonObject, newId } from '@sluice/kernel';
import { checkGraph } from '@sluice/nodes';
import { CommandStore } from '@sluice/platform-event-log';
import { Tickets } from '@sluice/platform-queue';
import { currentCorrelation } from '@sluice/platform-telemetry';
import type { EntityManager } from 'typeorm';
import { DraftNodeNotFound, findDraft, type FoundDraft, NodeNotTestable } from './find-draft.js';
import { type IssuedRequest, writeRequest } from './issue-request.js';
import type { TestedNode } from './requests/test-node.js';
import { testWaitMs, type TestRequest } from './requests/worker-request.js';

export class WebhookEventNotFound extends DomainError {
  constructor(id: string) {
    super('not_found', 'webhook_event_not_found', `There is no webhook event ${id}.`);
  }
}

export class NoWorker extends DomainError {
  constructor() {
    super('unavailable', 'no_worker', `No worker took it within ${testWaitMs / 1_000} s. It is not run any more.`, {
      retryAfterSeconds: 5,
    });
  }
}

export class TestUnfinished extends DomainError {
  constructor() {
    super('unavailable', 'test_unfinished', `The worker had no outcome within ${testWaitMs / 1_000} s.`, { retryAfterSeconds: 5 });
  }
}

export interface TestWith {
  readonly input?: Json;
  readonly eventId?: string;
  readonly mocks: JsonObject;
  readonly effects: boolean;
  readonly item?: { readonly item: Json; readonly index: number };
}

/** Runs one node of the draft by itself, in a worker. */
export class TestNode extends Command<TestedNode> {
  constructor(
    readonly tenantId: string,
    readonly workflowId: string,
    readonly nodeId: string,
    readonly by: string,
    readonly options: TestWith,
  ) {
    super();
  }
}

@CommandHandler(TestNode)
export class TestNodeHandler implements ICommandHandler<TestNode> {
  constructor(
    private readonly store: CommandStore,
    private readonly tickets: Tickets,
  ) {}

  /** The request is what is kept under an `Idempotency-Key`: a retry waits for the same one. */
  async execute({ tenantId, workflowId, nodeId, by, options }: TestNode): Promise<TestedNode> {
    const issued = await this.store.transaction(tenantId, async (tx) => {
      const draft = await findDraft(tx.manager, tenantId, workflowId);
      assertTestable(draft, nodeId, options.mocks);
      const request = await requestOf(tx.manager, tenantId, draft, nodeId, by, options);
      return writeRequest(tx, this.tickets, { tenantId, workflowId, kind: 'test', request, by });
    });
    return this.resultOf(tenantId, issued);
  }

  private async resultOf(tenantId: string, { requestId, taskId }: IssuedRequest): Promise<TestedNode> {
    const until = performance.now() + testWaitMs;
    for (let pauseMs = 20; performance.now() < until; pauseMs = Math.min(250, pauseMs * 1.5)) {
      const result = await this.store.read(tenantId, async (manager) => {
        const rows: { result: TestedNode | { readonly late: true } | null }[] = await manager.query(
          'SELECT result FROM worker_requests WHERE tenant_id = $1 AND id = $2',
          [tenantId, requestId],
        );
        return rows[0]?.result;
      });
      if (result !== null && result !== undefined) {
        if ('late' in result) throw new NoWorker();
        return result;
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    const taken = await this.store.read(tenantId, async (manager) => {
      const rows: unknown[] = await manager.query(`SELECT FROM tasks WHERE tenant_id = $1 AND id = $2 AND status = 'ready' AND epoch = 0`, [
        tenantId,
        taskId,
      ]);
      return rows.length === 0;
    });
    throw taken ? new TestUnfinished() : new NoWorker();
  }
}

/** What depends on the rest of the drawing: also whether it stands in a loop, and so knows an `item` */
const ofTheWhole: readonly string[] = [
  'unreachable_node',
  'unknown_reference',
  'join_impossible',
  'node_not_before',
  'loop_entered',
  'loop_left',
  'loop_empty',
];

/** Only what is wrong with the node itself is in the way: the rest of the draft may be half drawn. */
function assertTestable({ graph }: FoundDraft, nodeId: string, mocks: JsonObject): void {
  const index = graph.nodes.findIndex(({ id }) => id === nodeId);
  if (index === -1) throw new DraftNodeNotFound(nodeId);
  const place = `nodes[${index}]`;
  const known = new Set(graph.nodes.map(({ id }) => id));
  const findings = [
    ...checkGraph(graph).filter(
      ({ path, code, severity }) =>
        (path === place || path.startsWith(`${place}.`)) && severity !== 'warning' && !ofTheWhole.includes(code),
    ),
    ...Object.keys(mocks)
      .filter((id) => !known.has(id))
      .map((id) => ({ path: `mocks.${id}`, code: 'unknown_node_reference', message: `"${id}" is not an id in this workflow` })),
  ];
  if (findings.length > 0) throw new NodeNotTestable(nodeId, findings);
}

async function requestOf(
  manager: EntityManager,
  tenantId: string,
  { graph, settings, revision, version }: FoundDraft,
  nodeId: string,
  by: string,
  { input, eventId, mocks, effects, item }: TestWith,
): Promise<TestRequest> {
  const found = eventId === undefined ? undefined : await findEvent(manager, tenantId, eventId);
  const trigger = found?.trigger ?? input ?? null;
  return {
    draft: { graph, settings, revision, version },
    nodeId,
    trigger,
    input: input ?? item?.item ?? trigger,
    ...(found === undefined ? {} : { event: found.event }),
    mocks,
    effects,
    ...(item === undefined ? {} : { loop: { iteration: `item:${item.index}`, item: item.item } }),
    by,
    correlationId: currentCorrelation()?.correlationId ?? newId(),
  };
}

async function findEvent(manager: EntityManager, tenantId: string, eventId: string) {
  const rows: { item: JsonObject }[] = await manager.query('SELECT item FROM webhook_events WHERE tenant_id = $1 AND id = $2', [
    tenantId,
    eventId,
  ]);
  const [row] = rows;
  if (row === undefined) throw new WebhookEventNotFound(eventId);
  const { channelId, customerId, provider, action } = row.item;
  return {
    trigger: { ...row.item, id: eventId },
    event: {
      channelId: String(channelId),
      customerId: typeof customerId === 'string' ? customerId : null,
      provider: String(provider),
      action: String(action),
    },
  };
}
