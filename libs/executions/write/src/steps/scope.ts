import { frameOf, framesAround, type Iteration, keyOf, regionOf, type RunState } from '@sluice/engine';
import type { Scope } from '@sluice/expressions';
import type { Json, JsonObject } from '@sluice/kernel';
import type { BlobSource } from './blobs.js';
import type { PublishedVersion } from './compiled-versions.js';
import type { Run } from './run.js';
import type { StepTools } from './run-step.js';

/** In a loop, the item of the frame; else null. */
export async function itemOf({ tenantId }: Run, state: RunState, iteration: Iteration, blobs: BlobSource): Promise<Json> {
  const frame = frameOf(iteration);
  if (frame === undefined) return null;
  const items = await blobs.resolve(tenantId, state.nodes.get(keyOf(frame.loopId, frame.outer))?.items ?? null);
  return Array.isArray(items) ? ((items as readonly Json[])[frame.index] ?? null) : null;
}

export interface Seen {
  readonly iteration: Iteration;
  readonly input: Json;
  readonly item: Json;
  readonly trigger: Json;
}

/** What the expressions of a node can see, as far as they read it. `paths`: the parts of the scope that they read; `[]`: all of it. */
export async function scopeOf(
  version: PublishedVersion,
  run: Run,
  state: RunState,
  { iteration, input, item, trigger }: Seen,
  paths: readonly (readonly string[])[],
  { env, blobs, approvalUrl }: Pick<StepTools, 'env' | 'blobs' | 'approvalUrl'>,
): Promise<Scope> {
  const all = paths.some(([root, id]) => root === undefined || (root === 'nodes' && id === undefined));
  const named = new Set(paths.flatMap(([root, id]) => (root === 'nodes' && id !== undefined ? [id] : [])));
  const frames = framesAround(iteration);
  const nodes: Record<string, { readonly output: Json }> = {};
  for (const id of all ? version.compiled.nodes.keys() : named) {
    const found = frames.findLast((frame) => frameOf(frame)?.loopId !== id && state.nodes.has(keyOf(id, frame)));
    if (found === undefined) continue;
    nodes[id] = { output: await blobs.resolve(run.tenantId, state.nodes.get(keyOf(id, found))?.output ?? null) };
  }
  const asksForApprovals = paths.some(([root]) => root === undefined || root === 'approvals');
  const frame = frameOf(iteration);
  return {
    trigger,
    input,
    nodes,
    execution: { id: run.id, startedAt: run.startedAt, correlationId: run.correlationId },
    workflow: { id: version.workflowId, version: version.version },
    customer: { id: run.customerId },
    env,
    ...(frame === undefined ? {} : { item, index: frame.index }),
    ...(asksForApprovals && { approvals: approvalsOf(version, run, state, iteration, approvalUrl) }),
  };
}

/** Of a scope, what these paths read, to be kept for later. `[]` reads all of it. */
export function partsOf(scope: Scope, paths: readonly (readonly string[])[]): JsonObject {
  const isRead = (root: string, name?: string) =>
    paths.some(
      ([ofRoot, ofName]) => ofRoot === undefined || (ofRoot === root && (name === undefined || ofName === undefined || ofName === name)),
    );
  const read = <Value extends Json>(part: string, values: Readonly<Record<string, Value>>) =>
    Object.fromEntries(Object.entries(values).filter(([name]) => isRead(part, name)));
  const parts = { ...scope, nodes: read('nodes', scope.nodes), env: read('env', scope.env) };
  return Object.fromEntries(Object.entries(parts).filter(([root]) => isRead(root)));
}

/** The links of all approvals, by node id: of those in the same loop, the ones of this item. */
function approvalsOf(version: PublishedVersion, run: Run, state: RunState, iteration: Iteration, urlOf: StepTools['approvalUrl']) {
  const frames = framesAround(iteration).map((frame) => regionOf(version.compiled, state, frame));
  const links = [...version.compiled.programs].flatMap(([id, { type }]) => {
    const region = type.type === 'flow.approval' ? frames.findLast(({ nodes }) => nodes.has(id)) : undefined;
    return region === undefined ? [] : [[id, { url: urlOf(run, id, region.iteration) }] as const];
  });
  return Object.fromEntries(links);
}
