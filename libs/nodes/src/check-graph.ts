import { DEFAULT_HANDLE, DONE_HANDLE, ERROR_HANDLE, type Graph, IN_DOUBT_HANDLE } from '@sluice/engine';
import { catalogue } from './catalogue.js';
import { checkExpressions } from './check-expressions.js';
import { checkHandles } from './check-handles.js';
import { checkJoins } from './check-joins.js';
import { loopsOf } from './check-loops.js';
import { type ConfigError, configChecker } from './config-schema.js';
import { isNestedTooDeeply, NESTING_MAX } from './config-templates.js';
import { draw, type Drawing, type DrawnNode } from './drawing.js';
import { type Finding, type FindingCode, under } from './finding.js';
import { reachableFrom } from './graph-walk.js';
import { policySchema } from './policy-schema.js';

const checkConfig = new Map([...catalogue].map(([name, type]) => [name, configChecker(type.configSchema)]));
const checkPolicy = configChecker(policySchema);

export interface CheckOptions {
  readonly maxNodes?: number;
  /** Names of the tenant's variables; without it nothing is said about them. */
  readonly env?: readonly string[];
}

/** All that is wrong with a graph, at once. Without an error among them it can be published. */
export function checkGraph(graph: Graph, { maxNodes = 1_000, env }: CheckOptions = {}): Finding[] {
  const maxEdges = 10 * maxNodes;
  if (graph.nodes.length > maxNodes || graph.edges.length > maxEdges) {
    const message = `A workflow may have at most ${maxNodes} nodes and ${maxEdges} edges: split it into several`;
    return [{ path: graph.nodes.length > maxNodes ? 'nodes' : 'edges', code: 'too_large', message }];
  }
  const drawing = draw(graph);
  const loops = loopsOf(drawing);
  return [
    ...checkIds(drawing),
    ...drawing.nodes.flatMap((drawn) => [...checkType(drawn), ...checkPolicyOf(drawn, drawing)]),
    ...checkExpressions(drawing, { bodies: loops.bodies, env }),
    ...checkEdges(drawing),
    ...checkPaths(drawing),
    ...loops.findings,
    ...checkHandles(drawing),
    ...checkJoins(drawing),
  ];
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
  const errors = check(node.config);
  yield* [...errors, ...(errors.length === 0 ? (type.problems?.(config) ?? []) : [])].map((error) =>
    at(`${path}.config`, 'invalid_config', error),
  );

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

function* checkPolicyOf({ node, type, config, path }: DrawnNode, { edgesFrom }: Drawing): Generator<Finding> {
  const { policy } = node;
  if (policy === undefined) return;
  const errors = checkPolicy(policy);
  yield* errors.map((error) => at(`${path}.policy`, 'invalid_policy', error));
  if (errors.length > 0) return;

  const { delayMs, maxDelayMs } = policy.retry ?? {};
  if (delayMs !== undefined && maxDelayMs !== undefined && delayMs > maxDelayMs) {
    yield { path: `${path}.policy.retry.maxDelayMs`, code: 'invalid_policy', message: '`maxDelayMs` must not be less than `delayMs`' };
  }
  if (policy.effect === 'verify' && !isProvable(node.type)) {
    const message = `no target of "${node.type}" can be asked whether a call arrived: choose \`at_least_once\`, or \`at_most_once\` to decide by hand`;
    yield { path: `${path}.policy.effect`, code: 'effect_unverifiable', message };
  }
  if (policy.onError === 'branch' && !edgesFrom.get(node.id)?.some((edge) => edge.sourceHandle === ERROR_HANDLE)) {
    const message = `Nothing is connected to the "error" handle of "${node.id}": connect it or choose another \`onError\``;
    yield { path: `${path}.policy.onError`, code: 'error_branch_missing', message };
  }
  const usual = type?.loop ? DONE_HANDLE : DEFAULT_HANDLE;
  if (policy.onError === 'continue' && type && !type.handles(config).includes(usual)) {
    const message =
      `\`continue\` goes on by "${usual}", and "${node.id}" has no such handle, so the run would end there: ` +
      'choose `fail`, or connect "error" and choose `branch`';
    yield { path: `${path}.policy.onError`, code: 'invalid_policy', message };
  }
}

function isProvable(type: string): boolean {
  const found = catalogue.get(type);
  return found?.kind === 'effect' && found.proof !== undefined;
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

function* checkPaths({ nodes, byId, cycles, ways }: Drawing): Generator<Finding> {
  for (const { edge, nodeIds } of cycles) {
    const way = nodeIds.length > 10 ? [...nodeIds.slice(0, 9), '…', nodeIds.at(-1)] : nodeIds;
    const [first = ''] = nodeIds;
    const remedy = byId.get(first)?.type?.loop
      ? `remove its last edge. "${first}" goes on with the next item by itself, where nothing follows`
      : 'remove one of its edges';
    yield { path: edge.path, code: 'cycle', message: `The way ${way.join(' → ')} → ${first} is a cycle: ${remedy}` };
  }

  if (!nodes.some(({ type }) => type === undefined || type.kind === 'trigger')) {
    const triggers = [...catalogue.values()].filter((type) => type.kind === 'trigger').map(({ type }) => type);
    yield { path: 'nodes', code: 'no_trigger', message: `Nothing starts this workflow: add a node of type ${triggers.join(' or ')}` };
    return;
  }
  // A node of unknown type may have been meant as a trigger: that is one finding, not one for each node behind it.
  const entries = nodes.filter(({ type }) => type === undefined || type.kind === 'trigger').map(({ node }) => node.id);
  const reached = reachableFrom(entries, ways.from);
  for (const { node, path } of nodes) {
    if (reached.has(node.id)) continue;
    yield { path, code: 'unreachable_node', message: `No trigger leads to "${node.id}": connect it or remove it` };
  }
}

const at = (path: string, code: FindingCode, error: ConfigError): Finding => ({
  path: under(path, error.path),
  code,
  message: error.message,
});
