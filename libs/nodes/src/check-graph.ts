import { DEFAULT_HANDLE, ERROR_HANDLE, type Graph, type GraphEdge, type GraphNode, IN_DOUBT_HANDLE } from '@sluice/engine';
import { ExpressionFailed } from '@sluice/expressions';
import { isJsonObject, type JsonObject } from '@sluice/kernel';
import { catalogue } from './catalogue.js';
import { type ConfigError, configChecker } from './config-schema.js';
import { isNestedTooDeeply, NESTING_MAX, textsOf } from './config-templates.js';
import { cyclesIn, reachableFrom } from './graph-walk.js';
import type { NodeType } from './node-type.js';
import { policySchema } from './policy-schema.js';

/** What stands in the way of publishing, where, and what to do about it. */
export interface Finding {
  /** Like `nodes[3].config.cases[0].when` or `edges[2].target` */
  readonly path: string;
  readonly code: FindingCode;
  readonly message: string;
}

export type FindingCode =
  | 'too_large'
  | 'invalid_node_id'
  | 'duplicate_node_id'
  | 'unknown_node_type'
  | 'invalid_config'
  | 'invalid_handle'
  | 'invalid_expression'
  | 'unknown_node_reference'
  | 'invalid_policy'
  | 'no_trigger'
  | 'unreachable_node'
  | 'cycle'
  | 'self_edge'
  | 'dangling_edge'
  | 'duplicate_edge'
  | 'unknown_handle'
  | 'edge_into_trigger'
  | 'error_branch_missing'
  | 'effect_unverifiable'
  | 'join_impossible';

interface DrawnNode {
  readonly node: GraphNode;
  readonly config: JsonObject;
  readonly type: NodeType | undefined;
  /** `nodes[3]` */
  readonly path: string;
}

/** Of nodes with the same id, the first is the one that edges and expressions mean. */
interface Drawing {
  readonly nodes: readonly DrawnNode[];
  readonly byId: ReadonlyMap<string, DrawnNode>;
  readonly edges: readonly GraphEdge[];
  readonly edgesFrom: ReadonlyMap<string, readonly GraphEdge[]>;
  readonly edgesTo: ReadonlyMap<string, readonly GraphEdge[]>;
}

const checkConfig = new Map([...catalogue].map(([name, type]) => [name, configChecker(type.configSchema)]));
const checkPolicy = configChecker(policySchema);

/** All that is wrong with a graph, at once; an empty list means that it can be published. */
export function checkGraph(graph: Graph, { maxNodes = 1_000 }: { readonly maxNodes?: number } = {}): Finding[] {
  const maxEdges = 10 * maxNodes;
  if (graph.nodes.length > maxNodes || graph.edges.length > maxEdges) {
    const message = `A workflow may have at most ${maxNodes} nodes and ${maxEdges} edges: split it into several`;
    return [{ path: graph.nodes.length > maxNodes ? 'nodes' : 'edges', code: 'too_large', message }];
  }
  const drawing = draw(graph);
  return [
    ...checkIds(drawing),
    ...drawing.nodes.flatMap((drawn) => [...checkType(drawn), ...checkTexts(drawn, drawing), ...checkPolicyOf(drawn, drawing)]),
    ...checkEdges(drawing),
    ...checkPaths(drawing),
    ...checkJoins(drawing),
  ];
}

function draw({ nodes, edges }: Graph): Drawing {
  const drawn = nodes.map((node, index): DrawnNode => {
    return { node, config: isJsonObject(node.config) ? node.config : {}, type: catalogue.get(node.type), path: `nodes[${index}]` };
  });
  return {
    nodes: drawn,
    byId: new Map(drawn.toReversed().map((one) => [one.node.id, one])),
    edges,
    edgesFrom: Map.groupBy(edges, ({ source }) => source),
    edgesTo: Map.groupBy(edges, ({ target }) => target),
  };
}

function* checkIds({ nodes, byId }: Drawing): Generator<Finding> {
  for (const drawn of nodes) {
    const { id } = drawn.node;
    const path = `${drawn.path}.id`;
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(id) || id === '__proto__') {
      yield { path, code: 'invalid_node_id', message: 'An id has 1 to 64 letters, digits, "_" or "-": choose another one' };
    }
    const first = byId.get(id);
    if (first !== drawn) {
      yield {
        path,
        code: 'duplicate_node_id',
        message: `"${id}" is the id of ${first?.path ?? 'another node'} too: give each node its own`,
      };
    }
  }
}

function* checkType({ node, type, path, config }: DrawnNode): Generator<Finding> {
  const check = checkConfig.get(node.type);
  if (!type || !check) {
    const known = [...catalogue.keys()].join(', ');
    yield { path: `${path}.type`, code: 'unknown_node_type', message: `There is no node type "${node.type}". Choose one of ${known}` };
    return;
  }
  if (isNestedTooDeeply(config)) {
    yield {
      path: `${path}.config`,
      code: 'invalid_config',
      message: `The config is nested more than ${NESTING_MAX} levels deep: flatten it`,
    };
    return;
  }
  yield* check(node.config).map((error) => at(`${path}.config`, 'invalid_config', error));

  const handles = type.handles(config);
  const taken = handles.filter((handle, index) => handles.indexOf(handle) < index || handle === ERROR_HANDLE || handle === IN_DOUBT_HANDLE);
  for (const handle of new Set(taken)) {
    yield {
      path: `${path}.config`,
      code: 'invalid_handle',
      message: `A case of "${node.id}" cannot be called "${handle}": the name is taken`,
    };
  }
}

function* checkTexts({ type, path, config }: DrawnNode, { byId }: Drawing): Generator<Finding> {
  if (!type || isNestedTooDeeply(config)) return;
  for (const text of textsOf(type.configSchema, config)) {
    const where = under(`${path}.config`, text.path);
    const compiled = compile(text.compile);
    if (typeof compiled === 'string') {
      yield { path: where, code: 'invalid_expression', message: compiled };
      continue;
    }
    const referred = compiled.paths.flatMap(([root, id]) => (root === 'nodes' && id !== undefined ? [id] : []));
    for (const id of new Set(referred)) {
      if (byId.has(id)) continue;
      yield {
        path: where,
        code: 'unknown_node_reference',
        message: `"nodes.${id}" refers to no node: "${id}" is not an id in this workflow`,
      };
    }
  }
}

function compile<Compiled>(attempt: () => Compiled): Compiled | string {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof ExpressionFailed) return error.message;
    throw error;
  }
}

function* checkPolicyOf({ node, path }: DrawnNode, { edgesFrom }: Drawing): Generator<Finding> {
  const { policy } = node;
  if (policy === undefined) return;
  const errors = checkPolicy(policy);
  yield* errors.map((error) => at(`${path}.policy`, 'invalid_policy', error));
  if (errors.length > 0) return;

  const { delayMs, maxDelayMs } = policy.retry ?? {};
  if (delayMs !== undefined && maxDelayMs !== undefined && delayMs > maxDelayMs) {
    yield { path: `${path}.policy.retry.maxDelayMs`, code: 'invalid_policy', message: '`maxDelayMs` must not be less than `delayMs`' };
  }
  if (policy.effect === 'verify') {
    const message = `no target of "${node.type}" can be asked whether a call arrived: choose \`at_least_once\`, or \`at_most_once\` to decide by hand`;
    yield { path: `${path}.policy.effect`, code: 'effect_unverifiable', message };
  }
  if (policy.onError === 'branch' && !edgesFrom.get(node.id)?.some((edge) => edge.sourceHandle === ERROR_HANDLE)) {
    const message = `Nothing is connected to the "error" handle of "${node.id}": connect it or choose another \`onError\``;
    yield { path: `${path}.policy.onError`, code: 'error_branch_missing', message };
  }
}

function* checkEdges({ edges, byId }: Drawing): Generator<Finding> {
  const firstOf = new Map<string, number>();
  for (const [index, { source, target, sourceHandle = DEFAULT_HANDLE }] of edges.entries()) {
    const path = `edges[${index}]`;
    for (const [end, id] of Object.entries({ source, target })) {
      if (!byId.has(id))
        yield { path: `${path}.${end}`, code: 'dangling_edge', message: `There is no node "${id}": remove the edge or correct its ${end}` };
    }
    if (source === target) yield { path, code: 'self_edge', message: `The edge leads from "${source}" to itself: remove it` };

    const key = JSON.stringify([source, sourceHandle, target]);
    const first = firstOf.get(key);
    if (first !== undefined) yield { path, code: 'duplicate_edge', message: `edges[${first}] already connects the same ends: remove one` };
    else firstOf.set(key, index);

    const handles = handlesOf(byId.get(source));
    if (handles && !handles.includes(sourceHandle)) {
      yield { path: `${path}.sourceHandle`, code: 'unknown_handle', message: unknownHandle(source, sourceHandle, handles) };
    }
    if (byId.get(target)?.type?.kind === 'trigger') {
      yield {
        path: `${path}.target`,
        code: 'edge_into_trigger',
        message: `"${target}" is a trigger and begins runs: no edge can lead into it`,
      };
    }
  }
}

function handlesOf(drawn: DrawnNode | undefined): readonly string[] | undefined {
  if (!drawn?.type) return undefined;
  const own = drawn.type.handles(drawn.config);
  return drawn.type.kind === 'trigger' ? own : [...own, ERROR_HANDLE, IN_DOUBT_HANDLE];
}

function unknownHandle(source: string, handle: string, handles: readonly string[]): string {
  return `"${source}" has no handle "${handle}". It can be left by ${handles.map((one) => `"${one}"`).join(', ')}`;
}

function* checkPaths({ nodes, byId, edges }: Drawing): Generator<Finding> {
  const inner = edges.filter(({ source, target }) => byId.has(source) && byId.has(target) && source !== target);
  for (const { edge, nodeIds } of cyclesIn(
    nodes.map(({ node }) => node.id),
    inner,
  )) {
    const way = nodeIds.length > 10 ? [...nodeIds.slice(0, 9), '…', nodeIds.at(-1)] : nodeIds;
    const message = `The way ${way.join(' → ')} → ${nodeIds[0] ?? ''} is a cycle: remove one of its edges`;
    yield { path: `edges[${edges.indexOf(edge)}]`, code: 'cycle', message };
  }

  if (!nodes.some(({ type }) => type === undefined || type.kind === 'trigger')) {
    const triggers = [...catalogue.values()].filter((type) => type.kind === 'trigger').map(({ type }) => type);
    yield { path: 'nodes', code: 'no_trigger', message: `Nothing starts this workflow: add a node of type ${triggers.join(' or ')}` };
    return;
  }
  // A node of unknown type may have been meant as a trigger: that is one finding, not one for each node behind it.
  const entries = nodes.filter(({ type }) => type === undefined || type.kind === 'trigger').map(({ node }) => node.id);
  const reached = reachableFrom(entries, inner);
  for (const { node, path } of nodes) {
    if (reached.has(node.id)) continue;
    yield { path, code: 'unreachable_node', message: `No trigger leads to "${node.id}": connect it or remove it` };
  }
}

function* checkJoins({ nodes, edgesTo, byId }: Drawing): Generator<Finding> {
  for (const { node, type, path, config } of nodes) {
    const rule = type?.join?.(config);
    if (rule?.mode !== 'kOf') continue;
    const incoming = edgesTo.get(node.id)?.filter(({ source }) => byId.has(source)) ?? [];
    const branches = new Set(incoming.map(({ source, sourceHandle = DEFAULT_HANDLE }) => JSON.stringify([source, sourceHandle]))).size;
    if (rule.count <= branches) continue;
    const message = `"${node.id}" waits for ${rule.count} branches, but only ${branches} lead to it: lower \`count\` or connect more`;
    yield { path: `${path}.config.count`, code: 'join_impossible', message };
  }
}

const at = (path: string, code: FindingCode, error: ConfigError): Finding => ({
  path: under(path, error.path),
  code,
  message: error.message,
});

const under = (path: string, inner: string): string => (inner === '' || inner.startsWith('[') ? `${path}${inner}` : `${path}.${inner}`);
