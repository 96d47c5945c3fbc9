import { isDeepStrictEqual } from 'node:util';
import { executionIsOver, frameOf, type NodeRun, placeOf, type RunState } from '@sluice/engine';
import type { DifferenceReason, NodeDifference, RunComparison } from '@sluice/executions-domain';
import type { Json } from '@sluice/kernel';
import type { RecordedNodes, Simulated } from './simulate.js';

/** Values by reference are looked up only where the references differ. */
export type Resolve = (value: Json) => Json | Promise<Json>;

const nodesMax = 50;
const requestBytesMax = 4 * 1024;
const requestsBytesMax = 48 * 1024;

/** What the draft makes of a recorded run: by node where the path, a request or an output is another one. An item's own run says nothing that its nodes do not. */
export async function compareRun(
  live: RunState,
  recorded: RecordedNodes,
  simulated: Simulated,
  resolve: Resolve,
): Promise<Pick<RunComparison, 'differs' | 'status' | 'nodes' | 'omitted'>> {
  const { state } = simulated;
  const differences: NodeDifference[] = [];
  for (const key of new Set([...recorded.keys(), ...state.nodes.keys()])) {
    const { nodeId, iteration } = placeOf(key);
    if (frameOf(iteration)?.loopId === nodeId) continue;
    const difference = await differenceOf(key, recorded.get(key)?.run, simulated, resolve);
    if (difference !== undefined) differences.push({ nodeId, ...(iteration === '' ? {} : { iteration }), ...difference });
  }
  const endsOtherwise = executionIsOver(state) && state.status !== live.status;
  const omitted = differences.length - nodesMax;
  return {
    differs: differences.length > 0 || endsOtherwise,
    status: { live: live.status, draft: state.status },
    nodes: withinBounds(differences.slice(0, nodesMax)),
    ...(omitted > 0 ? { omitted } : {}),
  };
}

async function differenceOf(
  key: string,
  live: NodeRun | undefined,
  { state, unknown, changed }: Simulated,
  resolve: Resolve,
): Promise<Omit<NodeDifference, 'nodeId' | 'iteration'> | undefined> {
  const draft = state.nodes.get(key);
  const as = { live: ended(live), draft: draft === undefined ? absentFrom(state) : ended(draft) };
  if (unknown.has(key)) return { ...as, draft: { status: 'unknown' }, why: 'not_recorded', ...requestOf(unknown, key) };
  if (!ran(live) && !ran(draft)) return undefined;
  if (draft === undefined && !executionIsOver(state)) return { ...as, why: 'not_followed' };

  const outputDiffers =
    live !== undefined && draft !== undefined && ran(live) && ran(draft) && (await hasOtherOutput(live, draft, resolve));
  const why = reasonOf(as.live.status !== as.draft.status || as.live.handle !== as.draft.handle, changed.has(key), outputDiffers);
  if (why === undefined) return undefined;
  return { ...as, ...(outputDiffers ? { outputDiffers } : {}), why, ...requestOf(changed, key) };
}

function reasonOf(otherPath: boolean, otherRequest: boolean, otherOutput: boolean): DifferenceReason | undefined {
  if (otherPath) return 'path_changed';
  if (otherRequest) return 'request_changed';
  return otherOutput ? 'output_changed' : undefined;
}

const ran = (run: NodeRun | undefined): boolean => run !== undefined && run.status !== 'skipped';

const ended = (run: NodeRun | undefined): NodeDifference['live'] =>
  run === undefined ? { status: 'absent' } : { status: run.status, ...(run.handle === undefined ? {} : { handle: run.handle }) };

/** A run that did not come to its end may have come to it. */
const absentFrom = (state: RunState): NodeDifference['draft'] => ({ status: executionIsOver(state) ? 'absent' : 'not_followed' });

const requestOf = (requests: ReadonlyMap<string, Json>, key: string): { readonly request?: Json } => {
  const request = requests.get(key);
  return request === undefined ? {} : { request };
};

async function hasOtherOutput(live: NodeRun, draft: NodeRun, resolve: Resolve): Promise<boolean> {
  if (live.error?.code !== draft.error?.code) return true;
  const [a, b] = [live.output ?? null, draft.output ?? null];
  return !isDeepStrictEqual(a, b) && !isDeepStrictEqual(await resolve(a), await resolve(b));
}

/** Requests that are large, or many, are left out: the difference is named all the same. */
function withinBounds(differences: readonly NodeDifference[]): NodeDifference[] {
  let left = requestsBytesMax;
  return differences.map(({ request, ...difference }) => {
    if (request === undefined) return difference;
    const bytes = Buffer.byteLength(JSON.stringify(request));
    if (bytes > requestBytesMax || bytes > left) return difference;
    left -= bytes;
    return { ...difference, request };
  });
}
