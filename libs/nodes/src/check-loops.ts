import { DEFAULT_HANDLE, ITEM_HANDLE } from '@sluice/engine';
import type { DrawnEdge, Drawing, DrawnNode } from './drawing.js';
import type { Finding } from './finding.js';
import { inOrder, reachableFrom } from './graph-walk.js';

export const LOOP_DEPTH_MAX = 5;

export interface Loops {
  /** The nodes of each loop's body, those of loops inside it included, by the loop's id */
  readonly bodies: ReadonlyMap<string, ReadonlySet<string>>;
  readonly findings: readonly Finding[];
}

/**
 * A loop's body is all that lies behind its handle `item`. It is entered there and nowhere else, and ends where nothing follows: what
 * comes after the loop hangs on its other handles. Outer loops are looked at first, and an edge that breaks the body of one of them is
 * left out of the inner ones, so it is told once.
 */
export function loopsOf(drawing: Drawing): Loops {
  const findings: Finding[] = [];
  const bodies = new Map<string, ReadonlySet<string>>();
  const depths = new Map<string, number>();
  const broken = new Set<DrawnEdge>();
  for (const loop of loopsInOrder(drawing)) {
    const { id } = loop.node;
    if (!drawing.edgesFrom.get(id)?.some(isItem)) {
      const message = `Nothing is connected to the "item" handle of "${id}", so it would do nothing: connect what is to run for each item`;
      findings.push({ path: loop.path, code: 'loop_empty', message });
      continue;
    }
    const depth = (depths.get(id) ?? 0) + 1;
    if (depth > LOOP_DEPTH_MAX) {
      const message = `"${id}" lies within ${LOOP_DEPTH_MAX} loops already: move inner ones to a workflow of their own and call that`;
      findings.push({ path: loop.path, code: 'loop_too_deep', message });
      continue;
    }
    const { body, breaches } = bodyOf(loop, drawing, broken);
    bodies.set(id, body);
    for (const inside of body) depths.set(inside, Math.max(depths.get(inside) ?? 0, depth));
    for (const { edge, finding } of breaches) {
      broken.add(edge);
      findings.push(finding);
    }
  }
  return { bodies, findings };
}

function loopsInOrder({ byId, nodes, ways }: Drawing): DrawnNode[] {
  if (!nodes.some(({ type }) => type?.loop)) return [];
  return inOrder(byId.keys(), ways.edges).flatMap((id) => {
    const drawn = byId.get(id);
    return drawn?.type?.loop ? [drawn] : [];
  });
}

interface Breach {
  readonly edge: DrawnEdge;
  readonly finding: Finding;
}

function bodyOf({ node: { id } }: DrawnNode, { ways }: Drawing, broken: ReadonlySet<DrawnEdge>) {
  const isOpen = (edge: DrawnEdge) => !broken.has(edge);
  const leaving = (ways.from.get(id) ?? []).filter(isOpen);
  const targets = (edges: readonly DrawnEdge[]) => edges.map(({ target }) => target);
  const behind = reachableFrom(targets(leaving.filter(isItem)), ways.from, isOpen);
  const after = reachableFrom(targets(leaving.filter((edge) => !isItem(edge))), ways.from, isOpen);

  const breaches: Breach[] = [];
  for (const inside of behind) {
    for (const edge of ways.to.get(inside) ?? []) {
      if (!isOpen(edge)) continue;
      const isFromBody = (edge.source === id && isItem(edge)) || (behind.has(edge.source) && !after.has(edge.source));
      if (isFromBody && after.has(inside)) breaches.push({ edge, finding: left(edge, id) });
      else if (!isFromBody && !after.has(inside)) breaches.push({ edge, finding: entered(edge, id) });
    }
  }
  return { body: new Set([...behind].filter((one) => !after.has(one))), breaches };
}

const isItem = ({ sourceHandle = DEFAULT_HANDLE }: { readonly sourceHandle?: string }): boolean => sourceHandle === ITEM_HANDLE;

const left = ({ path, source, target }: DrawnEdge, loop: string): Finding => ({
  path,
  code: 'loop_left',
  message:
    (source === loop
      ? `"${target}" would run for each item of "${loop}" and once after it: remove one of the edges. `
      : `"${source}" runs for each item of "${loop}", "${target}" once after it: remove the edge. `) +
    `A body ends where nothing follows, and its results leave "${loop}" by "done"`,
});

const entered = ({ path, source, target }: DrawnEdge, loop: string): Finding => ({
  path,
  code: 'loop_entered',
  message:
    `"${target}" runs for each item of "${loop}", but "${source}" is outside of that loop: remove the edge. ` +
    `A body is entered by the handle "item" only; "nodes.${source}.output" can be read from inside`,
});
