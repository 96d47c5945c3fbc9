import { append, builtIns, lookup } from './built-ins.js';
import { Fault, type Run } from './run.js';
import type { SyntaxNode } from './syntax.js';
import {
  isArray,
  isDeepEqual,
  isNumeric,
  isObject,
  isTruthy,
  ownProperty,
  Sequence,
  sequenceOf,
  setOwn,
  toText,
  type Value,
} from './value.js';

/** A compiled part of an expression. `input` is JSONata's context: the scope, within a path or a predicate an item. */
export type Evaluate = (input: Value, run: Run<Value>) => Value;

/** Thrown while compiling: this expression is for the workers. */
class NeedsWorker extends Error {}

/** Deeper trees are rare and would use up the stack of whoever evaluates them. */
const depthMax = 250;

/**
 * Closures for an expression of paths, literals, operators, conditionals, constructors and the built-ins listed; undefined for
 * any other. They do exactly what JSONata's evaluator does with the same tree (the differential test compares them).
 */
export function compileFast(node: SyntaxNode): Evaluate | undefined {
  try {
    return compile(node, 0);
  } catch (error) {
    if (error instanceof NeedsWorker) return undefined;
    throw error;
  }
}

/** True when every value it can have is a part of the document, so a single one need not be copied. */
export function selectsOnly(node: SyntaxNode): boolean {
  return node.type === 'path' && (node.steps ?? []).every(({ type }) => type === 'name' || type === 'variable');
}

function compile(node: SyntaxNode, depth: number): Evaluate {
  if (depth > depthMax || node.group || node.tuple || node.consarray || node.focus !== undefined || node.index !== undefined) {
    throw new NeedsWorker();
  }
  const evaluate = compileCore(node, depth + 1);
  const predicates = compileFilters(node.predicate, depth + 1);
  const keepArray = node.keepArray === true;
  if (isLiteral(node) && predicates.length === 0) return evaluate;
  return (input, run) => {
    run.spend(1);
    let result = evaluate(input, run);
    for (const filter of predicates) result = filter(result, run);
    return settle(result, keepArray);
  };
}

function settle(result: Value, keepArray: boolean): Value {
  if (!(result instanceof Sequence)) return result;
  if (keepArray) result.keepSingleton = true;
  if (result.length === 0) return undefined;
  return result.length === 1 && !result.keepSingleton ? result[0] : result;
}

function compileCore(node: SyntaxNode, depth: number): Evaluate {
  const child = (part: SyntaxNode | undefined): Evaluate => {
    if (part === undefined) throw new NeedsWorker();
    return compile(part, depth);
  };

  switch (node.type) {
    case 'string':
    case 'number':
    case 'value':
      return literal(node);
    case 'path':
      return compilePath(node, depth);
    case 'name': {
      const key = String(node.value);
      return (input, run) => lookup(input, key, run);
    }
    case 'variable':
      if (node.value === '') return (input) => input;
      if (node.value === '$') return (_input, run) => run.root;
      throw new NeedsWorker();
    case 'binary':
      return compileBinary(String(node.value), child(single(node.lhs)), child(node.rhs));
    case 'unary':
      if (node.value === '-') return negate(child(node.expression));
      if (node.value === '[') return compileArray(node.expressions ?? [], depth);
      return compileObject(node, depth);
    case 'condition': {
      const condition = child(node.condition);
      const then = child(node.then);
      const otherwise = node.else === undefined ? () => undefined : child(node.else);
      return (input, run) => (isTruthy(condition(input, run), run) ? then(input, run) : otherwise(input, run));
    }
    case 'block': {
      const parts = (node.expressions ?? []).map(child);
      return (input, run) => {
        let result: Value;
        for (const part of parts) result = part(input, run);
        return result;
      };
    }
    case 'function':
      return compileCall(node, (node.arguments ?? []).map(child));
    default:
      throw new NeedsWorker();
  }
}

const single = (lhs: SyntaxNode['lhs']): SyntaxNode | undefined => (lhs !== undefined && 'type' in lhs ? lhs : undefined);

const isLiteral = ({ type }: SyntaxNode): boolean => type === 'string' || type === 'number' || type === 'value';

function literal({ value }: SyntaxNode): Evaluate {
  if (value !== null && typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') throw new NeedsWorker();
  return () => value;
}

interface Step {
  readonly evaluate: Evaluate;
  readonly filters: readonly Evaluate[];
}

function compilePath(node: SyntaxNode, depth: number): Evaluate {
  const nodes = node.steps ?? [];
  const steps = nodes.map((step): Step => ({ evaluate: compile(step, depth), filters: compileFilters(step.stages, depth) }));
  const fromRoot = nodes[0]?.type === 'variable';
  const keepSingleton = node.keepSingletonArray === true;

  const walk = (items: readonly Value[], from: number, run: Run<Value>): Value => {
    let current = items;
    for (let index = from; index < steps.length && (index === from || current.length > 0); index++) {
      const step = steps[index];
      if (step !== undefined) current = takeStep(step, current, index === steps.length - 1, run);
    }
    if (keepSingleton && current instanceof Sequence) current.keepSingleton = true;
    return current;
  };

  const plain = nodes.every((step) => step.type === 'name' && !step.stages && !step.predicate && !step.keepArray) && !keepSingleton;
  if (!plain) return (input, run) => walk(isArray(input) && !fromRoot ? input : [input], 0, run);

  // The hot path: while there is no array on the way, a path is a row of property reads.
  const names = nodes.map((step) => String(step.value));
  return (input, run) => {
    let current = input;
    for (const [index, name] of names.entries()) {
      if (isArray(current)) return walk(current, index, run);
      if (!isObject(current)) return undefined;
      current = ownProperty(current, name);
    }
    return current;
  };
}

/** One step of a path over all items. An array that the last step finds alone is the result itself; others are flattened. */
function takeStep({ evaluate, filters }: Step, items: readonly Value[], isLast: boolean, run: Run<Value>): readonly Value[] {
  const found: Value[] = [];
  for (const item of items) {
    let part = evaluate(item, run);
    for (const filter of filters) part = filter(part, run);
    if (part !== undefined) found.push(part);
  }
  const [only] = found;
  if (isLast && found.length === 1 && isArray(only) && !(only instanceof Sequence)) return only;

  const flat = new Sequence();
  for (const part of found) {
    if (isArray(part)) {
      run.spend(part.length);
      for (const inner of part) flat.push(inner);
    } else {
      flat.push(part);
    }
  }
  return flat;
}

function compileFilters(stages: readonly SyntaxNode[] | undefined, depth: number): readonly Evaluate[] {
  return (stages ?? []).map((stage) => {
    if (stage.type !== 'filter' || stage.expr === undefined) throw new NeedsWorker();
    return compileFilter(stage.expr, depth);
  });
}

/** `[…]` after a step: a literal number picks, a number or numbers found per item keep its position, anything else is a condition. */
function compileFilter(predicate: SyntaxNode, depth: number): Evaluate {
  if (predicate.type === 'number' && typeof predicate.value === 'number') {
    const position = Math.floor(predicate.value);
    return (input) => {
      const items = isArray(input) ? input : [input];
      const item = items[position < 0 ? items.length + position : position];
      if (isArray(item)) return item;
      return item === undefined ? new Sequence() : sequenceOf([item]);
    };
  }

  const condition = compile(predicate, depth);
  return (input, run) => {
    const items = isArray(input) ? input : [input];
    const kept = new Sequence();
    for (const [index, item] of items.entries()) {
      const result = condition(item, run);
      const positions = isArray(result) ? result : [result];
      run.spend(positions.length);
      if (positions.every(isNumeric)) {
        for (const position of positions) if (isPosition(position, index, items.length)) kept.push(item);
      } else if (isTruthy(result, run)) {
        kept.push(item);
      }
    }
    return kept;
  };
}

function isPosition(value: Value, index: number, length: number): boolean {
  if (typeof value !== 'number') return false;
  const position = Math.floor(value);
  return (position < 0 ? length + position : position) === index;
}

function negate(operand: Evaluate): Evaluate {
  return (input, run) => {
    const value = operand(input, run);
    if (value === undefined) return undefined;
    if (!isNumeric(value)) throw new Fault('expression_failed', `Cannot negate a non-numeric value: ${JSON.stringify(value)}`);
    return -value;
  };
}

function compileArray(nodes: readonly SyntaxNode[], depth: number): Evaluate {
  const items = nodes.map((item) => ({ evaluate: compile(item, depth), isNested: item.value === '[' }));
  return (input, run) => {
    const array: Value[] = [];
    for (const { evaluate, isNested } of items) {
      const value = evaluate(input, run);
      if (isArray(value) && !isNested) {
        run.spend(value.length);
        for (const inner of value) array.push(inner);
      } else if (value !== undefined) {
        array.push(value);
      }
    }
    return array;
  };
}

/** An array as context is grouped: items with the same key share a value, evaluated over all of them. */
function compileObject(node: SyntaxNode, depth: number): Evaluate {
  if (node.value !== '{' || node.lhs === undefined || 'type' in node.lhs) throw new NeedsWorker();
  const pairs = node.lhs.map((pair) => {
    const [key, value] = 'type' in pair ? [] : pair;
    if (key === undefined || value === undefined) throw new NeedsWorker();
    return { key: compile(key, depth), value: compile(value, depth) };
  });

  return (input, run) => {
    const items = isArray(input) ? (input.length === 0 ? [undefined] : input) : [input];
    const groups = new Map<string, { data: Value; readonly value: Evaluate }>();
    for (const item of items) {
      for (const pair of pairs) {
        const key = pair.key(item, run);
        if (key === undefined) continue;
        if (typeof key !== 'string') {
          throw new Fault('expression_type', `Key in object structure must evaluate to a string; got: ${JSON.stringify(key)}`);
        }
        const group = groups.get(key);
        if (group === undefined) {
          groups.set(key, { data: item, value: pair.value });
        } else if (group.value !== pair.value) {
          throw new Fault('expression_failed', `Multiple key definitions evaluate to same key: ${JSON.stringify(key)}`);
        } else {
          group.data = append(group.data, item);
          run.spend(isArray(group.data) ? group.data.length : 1);
        }
      }
    }
    const object: Record<string, Value> = {};
    for (const [key, { data, value }] of groups) {
      const part = value(data, run);
      if (part !== undefined) setOwn(object, key, part);
    }
    return object;
  };
}

function compileCall(node: SyntaxNode, args: readonly Evaluate[]): Evaluate {
  const builtIn = node.procedure?.type === 'variable' ? builtIns.get(String(node.procedure.value)) : undefined;
  if (builtIn === undefined) throw new NeedsWorker();
  return (input, run) => {
    const values = args.map((argument) => argument(input, run));
    const fitted = builtIn.fit(values, input);
    for (const value of fitted) {
      if (typeof value === 'string') run.spendText(value);
      else if (isArray(value)) run.spend(value.length);
    }
    return builtIn.call(fitted, run);
  };
}

function compileBinary(operator: string, left: Evaluate, right: Evaluate): Evaluate {
  switch (operator) {
    case 'and':
      return (input, run) => isTruthy(left(input, run), run) && isTruthy(right(input, run), run);
    case 'or':
      return (input, run) => isTruthy(left(input, run), run) || isTruthy(right(input, run), run);
    case '+':
      return arithmetic(operator, left, right, (a, b) => a + b);
    case '-':
      return arithmetic(operator, left, right, (a, b) => a - b);
    case '*':
      return arithmetic(operator, left, right, (a, b) => a * b);
    case '/':
      return arithmetic(operator, left, right, (a, b) => a / b);
    case '%':
      return arithmetic(operator, left, right, (a, b) => a % b);
    case '<':
      return comparison(operator, left, right, (a, b) => a < b);
    case '<=':
      return comparison(operator, left, right, (a, b) => a <= b);
    case '>':
      return comparison(operator, left, right, (a, b) => a > b);
    case '>=':
      return comparison(operator, left, right, (a, b) => a >= b);
    case '=':
      return equality(left, right, true);
    case '!=':
      return equality(left, right, false);
    case '&':
      return (input, run) => {
        const first = left(input, run);
        const text = toText(first, run) + toText(right(input, run), run);
        run.spendText(text);
        return text;
      };
    case 'in':
      return (input, run) => {
        const value = left(input, run);
        const list = right(input, run);
        if (value === undefined || list === undefined) return false;
        if (!isArray(list)) return list === value;
        run.spend(list.length);
        return list.indexOf(value) !== -1; // by identity, as JSONata does; includes() would find NaN
      };
    default:
      throw new NeedsWorker();
  }
}

function arithmetic(operator: string, left: Evaluate, right: Evaluate, compute: (a: number, b: number) => number): Evaluate {
  return (input, run) => {
    const a = left(input, run);
    const b = right(input, run);
    const refuse = (side: string): never => {
      throw new Fault('expression_type', `The ${side} side of the ${operator} operator must evaluate to a number`);
    };
    if (a !== undefined && !isNumeric(a)) return refuse('left');
    if (b !== undefined && !isNumeric(b)) return refuse('right');
    return a === undefined || b === undefined ? undefined : compute(a, b);
  };
}

function comparison(
  operator: string,
  left: Evaluate,
  right: Evaluate,
  compare: (a: string | number, b: string | number) => boolean,
): Evaluate {
  const isComparable = (value: Value): value is undefined | string | number =>
    value === undefined || typeof value === 'string' || typeof value === 'number';
  return (input, run) => {
    const a = left(input, run);
    const b = right(input, run);
    if (!isComparable(a) || !isComparable(b)) {
      throw new Fault('expression_type', `The expressions either side of operator ${operator} must evaluate to numeric or string values`);
    }
    if (a === undefined || b === undefined) return undefined;
    if (typeof a !== typeof b) {
      throw new Fault('expression_type', `The values either side of operator ${operator} must be of the same data type`);
    }
    if (typeof a === 'string') run.spend(a.length >> 6);
    return compare(a, b);
  };
}

/** Nothing equals nothing and differs from nothing: both answers are false when a side is missing. */
function equality(left: Evaluate, right: Evaluate, wanted: boolean): Evaluate {
  return (input, run) => {
    const a = left(input, run);
    const b = right(input, run);
    return a !== undefined && b !== undefined && isDeepEqual(a, b, run) === wanted;
  };
}
