import { type Graph, keyOf, newRun, type NodeRun } from '@sluice/engine';
import { type Json, type JsonObject, newId, storable } from '@sluice/kernel';
import {
  type CompiledWorkflow,
  compileWorkflow,
  type EffectTools,
  NodeFailure,
  type NodeInput,
  type NodeOutcome,
  type NodeProgram,
  type TaskTools,
} from '@sluice/nodes';
import { storeClock } from '@sluice/platform-database';
import { readSettings } from '@sluice/workflows-domain';
import type { PublishedVersion } from '../steps/compiled-versions.js';
import type { Run } from '../steps/run.js';
import { failureOf, inputSeeing, type StepTools } from '../steps/run-step.js';
import type { TestRequest } from './worker-request.js';

/** What one node of a draft came to, or would do. */
export interface TestedNode {
  readonly outcome: 'done' | 'failed' | 'effect' | 'waits' | 'loops' | 'calls' | 'stops';
  readonly handle?: string;
  readonly output?: Json;
  /** The evaluated config of a call that was not made */
  readonly effect?: JsonObject;
  readonly waits?: JsonObject;
  /** How many items a loop has; its output is the list */
  readonly items?: number;
  readonly calls?: JsonObject;
  readonly stops?: JsonObject;
  readonly durationMs: number;
  readonly error?: { readonly code: string; readonly message: string; readonly details?: Json };
}

export interface TestTools {
  readonly step: StepTools;
  /** Of the outside, for a test in this run */
  outside(run: Run, version: PublishedVersion, signal: AbortSignal): EffectTools & TaskTools;
  readonly signal: AbortSignal;
}

const resultBytesMax = 1024 * 1024;
/** The caller waits 15 s. */
const nodeMsMax = 12_000;

export interface TestPlace {
  readonly requestId: string;
  readonly tenantId: string;
  readonly workflowId: string;
}

/** Runs one node by itself: nothing before it, nothing behind it, no retry. Its failure is an answer. */
export async function testNode(place: TestPlace, request: TestRequest, tools: TestTools): Promise<TestedNode> {
  const began = performance.now();
  const came = await attempt(place, request, tools).catch((error: unknown): Omit<TestedNode, 'durationMs'> => {
    tools.signal.throwIfAborted();
    const { error: said } = failureOf({ nodeId: request.nodeId, iteration: '', attempt: 1 }, '', error);
    return { outcome: 'failed', error: said };
  });
  const tested: TestedNode = storable({ ...came, durationMs: Math.round(performance.now() - began) });
  const bytes = Buffer.byteLength(JSON.stringify(tested));
  if (bytes <= resultBytesMax) return tested;
  const message = `The test has ${bytes} bytes to show; ${resultBytesMax} can be shown. Test it with less input.`;
  return { outcome: 'failed', durationMs: tested.durationMs, error: { code: 'test_too_large', message } };
}

async function attempt(place: TestPlace, request: TestRequest, tools: TestTools): Promise<Omit<TestedNode, 'durationMs'>> {
  const { nodeId, draft, loop } = request;
  const compiled = compileFor(draft.graph, nodeId);
  const node = compiled.programs.get(nodeId);
  if (node === undefined) throw new NodeFailure('node_unknown', `The draft has no node "${nodeId}".`, { retryable: false });
  if (node.type.kind === 'trigger') return { outcome: 'done', handle: 'out', output: request.input };

  const { workflowId, tenantId, requestId: id } = place;
  const { blobs } = tools.step;
  const input = await blobs.resolve(tenantId, request.input);
  const trigger = await blobs.resolve(tenantId, request.trigger);
  const version: PublishedVersion = { id, tenantId, workflowId, version: draft.version, settings: readSettings(draft.settings), compiled };
  const run = runOf(place, request, version);
  const seen = { iteration: loop?.iteration ?? '', item: loop?.item ?? null, input, trigger };
  const evaluated = await inputSeeing(version, run, run.state, seen, node, tools.step);
  if (node.type.kind === 'effect' && !request.effects) return { outcome: 'effect', effect: evaluated.config };
  const timeoutMs = Math.min(nodeMsMax, compiled.nodes.get(nodeId)?.policy.timeoutMs ?? nodeMsMax);
  return told(await runNode(node, evaluated, timeoutMs, tools, (signal) => tools.outside(run, version, signal)));
}

async function runNode(
  { type }: NodeProgram,
  input: NodeInput,
  timeoutMs: number,
  tools: TestTools,
  outside: (signal: AbortSignal) => EffectTools & TaskTools,
): Promise<NodeOutcome> {
  if (type.kind === 'trigger') return { kind: 'done', handle: 'out', output: input.input };
  if (type.kind === 'pure') return type.run(input);
  const signal = AbortSignal.any([tools.signal, AbortSignal.timeout(timeoutMs)]);
  try {
    return await type.run(input, outside(signal));
  } catch (error) {
    if (tools.signal.aborted || !signal.aborted) throw error;
    throw new NodeFailure('timeout', `No outcome within ${timeoutMs} ms.`, { retryable: true });
  }
}

function told(outcome: NodeOutcome): Omit<TestedNode, 'durationMs'> {
  switch (outcome.kind) {
    case 'done':
      return { outcome: 'done', handle: outcome.handle, output: outcome.output };
    case 'stop':
      return { outcome: 'stops', stops: { status: outcome.status }, ...(outcome.output === undefined ? {} : { output: outcome.output }) };
    case 'wait':
      return { outcome: 'waits', waits: { for: 'time', until: outcome.until.toISOString() } };
    case 'loop':
      return { outcome: 'loops', items: outcome.items.length, output: outcome.items };
    case 'awaitEvent': {
      const { channelId, customerId, kinds, exclusive, until } = outcome;
      return { outcome: 'waits', waits: { for: 'event', channelId, customerId, kinds, exclusive, ...at(until) } };
    }
    case 'awaitApproval': {
      const { title, message, until } = outcome;
      return { outcome: 'waits', waits: { for: 'approval', title, ...(message === undefined ? {} : { message }), ...at(until) } };
    }
    case 'call': {
      const { workflowId, version, input } = outcome;
      return { outcome: 'calls', calls: { workflowId, ...(version === undefined ? {} : { version }), input } };
    }
  }
}

const at = (until: Date | undefined): JsonObject => (until === undefined ? {} : { until: until.toISOString() });

/** The draft; where it is not whole yet, its nodes that are, unconnected. */
function compileFor(graph: Graph, nodeId: string): CompiledWorkflow {
  try {
    return compileWorkflow(graph);
  } catch {
    const whole = graph.nodes.filter((node) => {
      try {
        return node.id === nodeId || compileWorkflow({ nodes: [node], edges: [] }).nodes.size === 1;
      } catch {
        return false;
      }
    });
    const first = new Map(whole.toReversed().map((node) => [node.id, node]));
    return compileWorkflow({ nodes: [...first.values()], edges: [] });
  }
}

/** A run that never was, at this node, with what its other nodes are said to have put out. */
function runOf(
  { requestId, tenantId, workflowId }: TestPlace,
  request: TestRequest,
  { settings: _, compiled, ...version }: PublishedVersion,
): Run {
  const { nodeId, trigger, event, mocks, loop, by, correlationId } = request;
  const startedAt = storeClock.now().toISOString();
  const isBefore = (id: string) => compiled.programs.get(id)?.type.kind === 'trigger' && compiled.reachableFrom(id).has(nodeId);
  const pinned = Object.entries(mocks).map(([id, output]): [string, NodeRun] => [
    id,
    { id: newId(), status: 'completed', attempt: 1, handle: 'out', output },
  ]);
  const own: NodeRun = { id: requestId, status: 'running', attempt: 1, startedAt };
  return {
    tenantId,
    id: requestId,
    workflowId,
    workflowVersion: version.version,
    versionId: version.id,
    version: 0,
    startKey: `test:${requestId}`,
    trigger: {
      source: 'manual',
      sourceType: event?.provider ?? 'api',
      actionType: event?.action ?? 'test',
      customerId: event?.customerId ?? null,
      clientId: event?.channelId ?? by,
      receivedAt: startedAt,
    },
    customerId: event?.customerId ?? null,
    correlationId,
    startedAt,
    parent: null,
    depth: 0,
    concurrencyKey: null,
    state: {
      ...newRun([...compiled.nodes.keys()].find(isBefore) ?? nodeId, trigger),
      nodes: new Map([...pinned, [keyOf(nodeId, loop?.iteration), own]]),
    },
  };
}
