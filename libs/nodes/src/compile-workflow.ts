import { type CompiledGraph, compileGraph, type Graph, GraphIsBroken, type GraphNode, type NodePolicy } from '@sluice/engine';
import { type Expression, ExpressionFailed, type Scope, type SlowEvaluator, type StepBudget, type Template } from '@sluice/expressions';
import { isJsonObject, type Json, type JsonObject } from '@sluice/kernel';
import { catalogue } from './catalogue.js';
import { requiredText } from './config-fields.js';
import { compileConfig } from './config-templates.js';
import type { NodeType } from './node-type.js';

/** What the shell needs to run a node. `config.paths` says which parts of the scope it will read. */
export interface NodeProgram {
  readonly type: NodeType;
  readonly config: Template;
  readonly deferred: ReadonlyMap<string, Expression>;
  /** Fields of the config that must come to something */
  readonly needed: readonly string[];
}

export interface CompiledWorkflow extends CompiledGraph {
  /** By node id */
  readonly programs: ReadonlyMap<string, NodeProgram>;
}

/** A version made ready to run, once. Throws GraphIsBroken for a graph that publishing would have refused. */
export function compileWorkflow(graph: Graph): CompiledWorkflow {
  const compiled = compileGraph(graph, (node) => {
    const type = typeOf(node);
    return { join: type.join?.(node.config), loop: type.loop?.(node.config), handles: type.handles(node.config), policy: policyOf(type) };
  });
  return { ...compiled, programs: new Map(graph.nodes.map((node) => [node.id, programOf(node)])) };
}

/**
 * The config with every template and expression evaluated: at once, or by promise if one of them needs the slow evaluator or all of them
 * take long. `steps` are the node's, for its deferred fields as well. Deferred fields stand in it as they were written, so that a node sees whether they were. Throws NodeFailure for a field that found nothing
 * and must not.
 */
export function evaluateConfig(
  program: NodeProgram,
  scope: Scope,
  slow: SlowEvaluator,
  steps?: StepBudget,
): JsonObject | Promise<JsonObject> {
  const result = program.config.evaluate(scope, slow, steps);
  return result instanceof Promise ? result.then((value) => completed(program, value)) : completed(program, result);
}

function completed({ deferred, needed }: NodeProgram, value: Json | undefined): JsonObject {
  const config = isJsonObject(value) ? value : {};
  for (const field of needed) requiredText(config, field);
  if (deferred.size === 0) return config;
  return { ...config, ...Object.fromEntries([...deferred].map(([field, { source }]) => [field, source])) };
}

/** A deferred field of the config; nothing for one that was not set. */
export function evaluateDeferred(
  { deferred }: NodeProgram,
  field: string,
  scope: Scope,
  slow: SlowEvaluator,
  steps?: StepBudget,
): Json | undefined | Promise<Json | undefined> {
  return deferred.get(field)?.evaluate(scope, slow, steps);
}

function typeOf(node: GraphNode): NodeType {
  const type = catalogue.get(node.type);
  if (!type) throw new GraphIsBroken(`"${node.id}" has a type that does not exist: "${node.type}".`);
  return type;
}

const policyOf = (type: NodeType): NodePolicy | undefined =>
  type.kind === 'effect' ? { effect: type.effect, ...type.policy } : type.policy;

function programOf(node: GraphNode): NodeProgram {
  const type = typeOf(node);
  try {
    const { template, ...fields } = compileConfig(type.configSchema, node.config);
    return { type, config: template, ...fields };
  } catch (error) {
    if (error instanceof ExpressionFailed) throw new GraphIsBroken(`"${node.id}" has an expression that cannot be read: ${error.message}`);
    throw error;
  }
}
