import type { SyntaxNode } from './syntax.js';

/** Functions that read the context when they are called with fewer arguments than they name here; all others with none. */
const contextArguments: ReadonlyMap<string, number> = new Map([
  ['lookup', 2],
  ['each', 2],
  ['sift', 2],
]);
const readsNoContext = new Set(['now', 'millis', 'random']);

/**
 * The parts of the scope that an expression can read, as rows of names (`['nodes', 'a', 'output']`), none a prefix of another.
 * What cannot be known without evaluating counts as everything: the empty path.
 */
export function usedPaths(node: SyntaxNode): readonly (readonly string[])[] {
  const found = new Map<string, readonly string[]>();
  const note = (path: readonly string[]): void => void found.set(JSON.stringify(path), path);

  // `atRoot` says whether names are looked up in the scope: within a path or a predicate they are an item's.
  const visit = (part: SyntaxNode | undefined, atRoot: boolean): void => {
    if (part === undefined) return;
    if (part.type === 'path') visitPath(part, atRoot);
    else if (part.type === 'variable' && (part.value === '$' || (part.value === '' && atRoot))) note([]);
    else if (part.type === 'parent' || (atRoot && (part.type === 'wildcard' || part.type === 'descendant'))) note([]);
    else if (part.type === 'function' && readsContext(part, atRoot)) note([]);
    visitParts(part, atRoot);
  };

  const visitPath = (path: SyntaxNode, atRoot: boolean): void => {
    const [first, ...rest] = path.steps ?? [];
    if (first === undefined) return;
    const isDocument = first.type === 'variable' && (first.value === '$' || (first.value === '' && atRoot));
    const isNamed = first.type === 'name' && atRoot;
    if (isDocument || isNamed) note(leadingNames(isDocument && !isNarrowed(first) ? rest : isNamed ? [first, ...rest] : []));
    else visit(first, atRoot);
    if (isDocument || isNamed) visitParts(first, false);
    for (const step of rest) visit(step, false);
  };

  const visitParts = (part: SyntaxNode, atRoot: boolean): void => {
    const sides = part.lhs === undefined ? [] : 'type' in part.lhs ? [part.lhs] : part.lhs;
    const lhs = sides.flatMap((side) => ('type' in side ? [side] : [...side]));
    const { procedure, rhs, expression, condition, then, body } = part;
    for (const child of [...lhs, procedure, rhs, expression, condition, then, part.else, body]) visit(child, atRoot);
    for (const child of [...(part.expressions ?? []), ...(part.arguments ?? [])]) visit(child, atRoot);

    const filters = [...(part.predicate ?? []), ...(part.stages ?? [])].map(({ expr }) => expr);
    const ofItems = [...filters, ...(part.terms ?? []).map((term) => term.expression)];
    for (const child of [...ofItems, part.pattern, part.update, part.delete, ...(part.group?.lhs ?? []).flat()]) visit(child, false);
  };

  visit(node, true);
  const paths = [...found.values()];
  return paths.filter((path) => !paths.some((other) => other !== path && isPrefix(other, path)));
}

const isNarrowed = (step: SyntaxNode): boolean => step.stages !== undefined || step.predicate !== undefined;

function leadingNames(steps: readonly SyntaxNode[]): readonly string[] {
  const names: string[] = [];
  for (const step of steps) {
    if (step.type !== 'name' || step.focus !== undefined) break;
    names.push(String(step.value));
    if (isNarrowed(step)) break;
  }
  return names;
}

function readsContext({ procedure, arguments: args = [] }: SyntaxNode, atRoot: boolean): boolean {
  const name = String(procedure?.value);
  if (name === 'eval') return true;
  if (!atRoot || readsNoContext.has(name)) return false;
  return args.length < (contextArguments.get(name) ?? 1);
}

const isPrefix = (prefix: readonly string[], path: readonly string[]): boolean =>
  prefix.length <= path.length && prefix.every((name, index) => name === path[index]);
