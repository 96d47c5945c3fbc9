import { DEFAULT_HANDLE } from '@sluice/engine';
import type { Drawing } from './drawing.js';
import type { Finding } from './finding.js';
import { inOrder } from './graph-walk.js';

/** Joins that wait for more branches than there are, or than can arrive in one run. */
export function* checkJoins(drawing: Drawing): Generator<Finding> {
  let tree: Guards | undefined;
  for (const { node, type, path, config } of drawing.nodes) {
    const rule = type?.join?.(config);
    if (rule?.mode !== 'kOf') continue;
    const incoming = drawing.edgesTo.get(node.id)?.filter(({ source }) => drawing.byId.has(source)) ?? [];
    const branches = new Set(incoming.map(({ source, sourceHandle = DEFAULT_HANDLE }) => handleKey(source, sourceHandle)));
    const where = `${path}.config.count`;
    if (rule.count > branches.size) {
      const message = `"${node.id}" waits for ${rule.count} branches, but only ${branches.size} lead to it: lower \`count\` or connect more`;
      yield { path: where, code: 'join_impossible', message };
    } else if (drawing.cycles.length === 0) {
      tree ??= guardsOf(drawing);
      const most = mostAtOnce(tree, branches);
      if (rule.count <= most) continue;
      const message =
        `"${node.id}" waits for ${rule.count} of ${branches.size} branches, but at most ${most} can arrive in one run, as the others exclude ` +
        `each other: lower \`count\`, or use the mode \`${most === 1 ? 'any' : 'all'}\``;
      yield { path: where, code: 'join_impossible', message };
    }
  }
}

const handleKey = (node: string, handle: string): string => JSON.stringify([node, handle]);
const nodeKey = (node: string): string => JSON.stringify([node]);
const ROOT = '';

/**
 * The tree of what a branch cannot do without: nodes, and the handles by which they are left. A run begins at one node, and a node is left
 * by one handle (but for a loop, which is left by `item` many times), so of such siblings at most one comes true.
 */
interface Guards {
  /** Each after the one that it hangs on */
  readonly order: readonly string[];
  readonly parents: ReadonlyMap<string, string>;
  /** Only one of those that hang on the same one comes true. */
  readonly exclusive: ReadonlySet<string>;
}

function guardsOf({ byId, ways }: Drawing): Guards {
  const order: string[] = [ROOT];
  const parents = new Map<string, string>();
  const depths = new Map([[ROOT, 0]]);
  const exclusive = new Set<string>();
  const hang = (key: string, parent: string) => {
    order.push(key);
    parents.set(key, parent);
    depths.set(key, (depths.get(parent) ?? 0) + 1);
  };
  const common = (one: string, other: string): string => {
    let [left, right] = [one, other];
    while (left !== right) {
      if ((depths.get(left) ?? 0) >= (depths.get(right) ?? 0)) left = parents.get(left) ?? ROOT;
      else right = parents.get(right) ?? ROOT;
    }
    return left;
  };

  for (const id of inOrder(byId.keys(), ways.edges)) {
    const type = byId.get(id)?.type;
    const key = nodeKey(id);
    const [first = ROOT, ...more] = (ways.to.get(id) ?? []).map(({ source, sourceHandle = DEFAULT_HANDLE }) =>
      handleKey(source, sourceHandle),
    );
    hang(key, more.reduce(common, first));
    if (type?.kind === 'trigger' && parents.get(key) === ROOT) exclusive.add(key);

    const handles = new Set((ways.from.get(id) ?? []).map(({ sourceHandle = DEFAULT_HANDLE }) => handleKey(id, sourceHandle)));
    for (const handle of handles) {
      hang(handle, key);
      if (type && !type.loop) exclusive.add(handle);
    }
  }
  return { order, parents, exclusive };
}

/** How many of these branches can be live in one run, at most: never too few, perhaps too many. */
function mostAtOnce({ order, parents, exclusive }: Guards, branches: ReadonlySet<string>): number {
  const sums = new Map<string, number>();
  const best = new Map<string, number>();
  const most = (key: string): number => (branches.has(key) ? 1 : 0) + (sums.get(key) ?? 0) + (best.get(key) ?? 0);
  for (const key of order.toReversed()) {
    if (key === ROOT) continue;
    const count = most(key);
    if (count === 0) continue;
    const parent = parents.get(key) ?? ROOT;
    if (exclusive.has(key)) best.set(parent, Math.max(best.get(parent) ?? 0, count));
    else sums.set(parent, (sums.get(parent) ?? 0) + count);
  }
  return most(ROOT);
}
