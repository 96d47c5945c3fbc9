import { isDeepStrictEqual } from 'node:util';
import { DEFAULT_HANDLE, type Graph, type GraphEdge, type GraphNode } from '@sluice/engine';
import { isJsonObject, type Json, type JsonObject } from '@sluice/kernel';

/** What one definition has and the other has not, at a path such as `config.cases[1].name`. */
export interface Change {
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  readonly from?: Json;
  readonly to?: Json;
}

export interface DefinitionDiff {
  readonly identical: boolean;
  readonly nodes: {
    readonly added: readonly GraphNode[];
    readonly removed: readonly GraphNode[];
    readonly changed: readonly { readonly id: string; readonly changes: readonly Change[] }[];
  };
  readonly edges: {
    readonly added: readonly GraphEdge[];
    readonly removed: readonly GraphEdge[];
    readonly changed: readonly { readonly id: string; readonly changes: readonly Change[] }[];
  };
  readonly settings: readonly Change[];
}

export interface Compared extends Graph {
  readonly settings: JsonObject;
}

/**
 * From one definition to another. Nodes are the same by their id; edges by theirs, or, where one has none, by what they connect.
 * Neither has an order, so moving one in its list is no difference; in a config the order of a list counts.
 */
export function diffDefinitions(from: Compared, to: Compared): DefinitionDiff {
  const nodes = pairs(from.nodes, to.nodes, [({ id }) => id]);
  const edges = pairs(from.edges, to.edges, [({ id }) => id, connection]);
  const diff = {
    nodes: {
      added: nodes.added,
      removed: nodes.removed,
      changed: nodes.both.flatMap(([before, after]) => changed(before.id, before, after)),
    },
    edges: {
      added: edges.added,
      removed: edges.removed,
      changed: edges.both.flatMap(([before, after]) => changed(after.id ?? before.id ?? connection(after), before, after)),
    },
    settings: changesIn('', from.settings, to.settings),
  };
  const { added, removed, changed: altered } = diff.nodes;
  const counts = [added, removed, altered, diff.edges.added, diff.edges.removed, diff.edges.changed, diff.settings];
  return { identical: counts.every(({ length }) => length === 0), ...diff };
}

const connection = ({ source, sourceHandle = DEFAULT_HANDLE, target }: GraphEdge): string => `${source}.${sourceHandle} → ${target}`;

const changed = (id: string, before: GraphNode | GraphEdge, after: GraphNode | GraphEdge) => {
  const changes = changesIn('', jsonOf(before), jsonOf(after));
  return changes.length === 0 ? [] : [{ id, changes }];
};

/** Without what is undefined, and with the handle that an edge leaves by when it names none. */
const jsonOf = (part: GraphNode | GraphEdge): Json =>
  JSON.parse(JSON.stringify('source' in part ? { ...part, sourceHandle: part.sourceHandle ?? DEFAULT_HANDLE } : part));

/** Which of `before` is which of `after`, by the first name that both have; each is one at most. */
function pairs<T>(before: readonly T[], after: readonly T[], names: readonly ((item: T) => string | undefined)[]) {
  const both: [T, T][] = [];
  let [removed, added] = [before, after];
  for (const nameOf of names) {
    const waiting = new Map<string, T[]>();
    for (const item of removed) {
      const name = nameOf(item);
      if (name !== undefined) waiting.set(name, [...(waiting.get(name) ?? []), item]);
    }
    const found = new Set<T>();
    added = added.filter((item) => {
      const same = waiting.get(nameOf(item) ?? '')?.shift();
      if (same === undefined) return true;
      found.add(same);
      both.push([same, item]);
      return false;
    });
    removed = removed.filter((item) => !found.has(item));
  }
  return { added, removed, both };
}

function changesIn(path: string, from: Json | undefined, to: Json | undefined): Change[] {
  if (from === undefined) return to === undefined ? [] : [{ path, kind: 'added', to }];
  if (to === undefined) return [{ path, kind: 'removed', from }];
  if (isJsonObject(from) && isJsonObject(to)) {
    const keys = new Set([...Object.keys(from), ...Object.keys(to)]);
    return [...keys].flatMap((key) => changesIn(at(path, key), own(from, key), own(to, key)));
  }
  if (Array.isArray(from) && Array.isArray(to)) {
    return Array.from({ length: Math.max(from.length, to.length) }, (_, index) =>
      changesIn(`${path}[${index}]`, from[index], to[index]),
    ).flat();
  }
  return isDeepStrictEqual(from, to) ? [] : [{ path, kind: 'changed', from, to }];
}

const own = (object: JsonObject, key: string): Json | undefined => (Object.hasOwn(object, key) ? object[key] : undefined);

/** As in JavaScript: `config.values["a.b"]` */
const at = (path: string, key: string): string => {
  if (!/^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}.${key}`;
};
