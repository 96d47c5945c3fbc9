import { ExpressionFailed } from '@sluice/expressions';
import { isNestedTooDeeply, textsOf } from './config-templates.js';
import type { Drawing, DrawnNode } from './drawing.js';
import { type Finding, type FindingCode, under } from './finding.js';
import { ancestry } from './graph-walk.js';
import { didYouMean } from './nearest-name.js';

/** What every expression can read. `item` and `index` come with loops, and they and `event` with fields that say so (`locals`). */
const ROOTS: readonly string[] = ['trigger', 'input', 'nodes', 'execution', 'workflow', 'customer', 'env', 'approvals'];
const LOCALS = new Set(['item', 'index']);

export interface Surroundings {
  readonly bodies: ReadonlyMap<string, ReadonlySet<string>>;
  /** Names of the tenant's variables; nothing: not known */
  readonly env: readonly string[] | undefined;
}

/** Expressions that cannot be read, or that read what is not there when they are evaluated. */
export function* checkExpressions(drawing: Drawing, { bodies, env }: Surroundings): Generator<Finding> {
  const inLoops = new Set([...bodies.values()].flatMap((body) => [...body]));
  // Where ways lead in circles nobody comes first: that is one finding, not one for each reference.
  let leadsTo: ((earlier: string, later: string) => boolean) | undefined;
  const isBefore = (earlier: string, later: string): boolean => {
    if (drawing.cycles.length > 0) return true;
    leadsTo ??= ancestry(drawing.byId.keys(), drawing.ways.edges);
    return leadsTo(earlier, later) && !bodies.get(earlier)?.has(later);
  };

  for (const drawn of drawing.nodes) {
    for (const { path, locals: own, paths } of readsOf(drawn)) {
      if (typeof paths === 'string') {
        yield { path, code: 'invalid_expression', message: paths };
        continue;
      }
      const locals = [...new Set([...(inLoops.has(drawn.node.id) ? LOCALS : []), ...own])];
      const told = new Set<string>();
      for (const names of paths) {
        const finding = problemWith(names, drawn, drawing, { locals, env, isBefore });
        if (finding === undefined || told.has(finding.message)) continue;
        told.add(finding.message);
        yield { path, ...finding };
      }
    }
  }
}

interface Reads {
  /** Like `nodes[3].config.cases[0].when` */
  readonly path: string;
  /** What it sees besides the scope of its node */
  readonly locals: readonly string[];
  /** The parts of the scope that it reads, or why it cannot be read itself */
  readonly paths: readonly (readonly string[])[] | string;
}

/** What the expressions and templates of a node read. */
export function* readsOf({ type, path, config }: DrawnNode): Generator<Reads> {
  if (!type || isNestedTooDeeply(config)) return;
  for (const text of textsOf(type.configSchema, config)) {
    const compiled = compile(text.compile);
    const paths = typeof compiled === 'string' ? compiled : compiled.paths;
    yield { path: under(`${path}.config`, text.path), locals: text.locals, paths };
  }
}

export function compile<Compiled>(attempt: () => Compiled): Compiled | string {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof ExpressionFailed) return error.message;
    throw error;
  }
}

interface Problem {
  readonly code: FindingCode;
  readonly message: string;
  readonly severity?: 'warning';
}

interface Scope {
  readonly locals: readonly string[];
  readonly env: readonly string[] | undefined;
  isBefore(earlier: string, later: string): boolean;
}

function problemWith(names: readonly string[], { node }: DrawnNode, drawing: Drawing, scope: Scope): Problem | undefined {
  const [root, name, member] = names;
  if (root === undefined) return undefined;
  if (!ROOTS.includes(root) && !scope.locals.includes(root)) return unknownRoot(root, drawing, scope);
  if (root === 'env' && name !== undefined && scope.env && !scope.env.includes(name)) {
    const message = `The tenant has no variable "${name}": until it is set, "env.${name}" is nothing.${didYouMean(name, scope.env)}`;
    return { code: 'unknown_variable', message, severity: 'warning' };
  }
  if (root !== 'nodes' || name === undefined) return undefined;

  if (!drawing.byId.has(name)) {
    const message = `"nodes.${name}" refers to no node: "${name}" is not an id in this workflow`;
    const meant = didYouMean(name, drawing.byId.keys());
    return { code: 'unknown_node_reference', message: meant === '' ? message : `${message}.${meant}` };
  }
  if (member !== undefined && member !== 'output') {
    const rest = names.slice(2).join('.');
    const message = `Of a node only its output can be read, not "${member}": write "nodes.${name}.output${member === 'outputs' ? '' : `.${rest}`}"`;
    return { code: 'unknown_reference', message };
  }
  if (name === node.id) return { code: 'node_not_before', message: `"${name}" cannot read its own output: it has none before it ends` };
  if (scope.isBefore(name, node.id)) return undefined;
  return {
    code: 'node_not_before',
    message: `"${name}" cannot have ended when "${node.id}" runs, so "nodes.${name}" is nothing here: lead a way from "${name}" to "${node.id}"`,
  };
}

function unknownRoot(root: string, { byId }: Drawing, { locals }: Scope): Problem {
  const code = 'unknown_reference';
  if (LOCALS.has(root)) {
    return { code, message: `"${root}" is known only inside of a loop: this node is not behind the handle "item" of one` };
  }
  if (root === 'event')
    return { code, message: '"event" is known only in conditions of flow.waitForEvent: the event that began the run is "trigger"' };
  const known = [...ROOTS, ...locals];
  const meant = byId.has(root) ? ` Did you mean "nodes.${root}.output"?` : didYouMean(root, known);
  return { code, message: `"${root}" is nothing that can be read here. There are ${known.join(', ')}.${meant}` };
}
