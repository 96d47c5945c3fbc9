import { Fault } from './run.js';
import { isArray, type Value } from './value.js';

interface Parameter {
  /** The kinds of value it takes, one letter each; `m` is nothing. */
  readonly kinds: string;
  readonly fromContext: boolean;
  readonly optional: boolean;
  readonly isArray: boolean;
  readonly itemKind?: string;
}

/** Fits arguments to a built-in's parameters as JSONata does, or throws. */
export type Signature = (args: readonly Value[], context: Value) => readonly Value[];

const parameterPattern = /(\([a-z]+\)|[a-z])(?:<([a-z])>)?([-?])?/g;
const anyKind = 'asnblfom';

/**
 * Reads JSONata's notation: `s` string, `n` number, `b` boolean, `o` object, `x` anything, `a<n>` array of numbers (one number
 * counts as an array), `(sn)` a choice; `-` takes the context when the argument is missing, `?` may be left out.
 */
export function signature(name: string, notation: string): Signature {
  const parameters = [...notation.matchAll(parameterPattern)].map(([, kind = '', itemKind, suffix]): Parameter => {
    const kinds = kind === 'a' || kind === 'x' ? anyKind : `${kind.replace(/[()]/g, '')}m`;
    return { kinds, fromContext: suffix === '-', optional: suffix !== undefined, isArray: kind === 'a', itemKind };
  });
  const shape = new RegExp(`^${parameters.map(({ kinds, optional }) => `([${kinds}]${optional ? '?' : ''})`).join('')}$`);

  return (args, context) => {
    const found = shape.exec(args.map(kindOf).join(''));
    if (found === null) throw new Fault('expression_type', `The arguments of $${name} do not match its signature`);
    const fitted: Value[] = [];
    let next = 0;
    for (const [index, parameter] of parameters.entries()) {
      if (found[index + 1] === '' && parameter.fromContext) {
        if (!parameter.kinds.includes(kindOf(context))) {
          throw new Fault('expression_type', `Context value is not a compatible type with argument ${next + 1} of function $${name}`);
        }
        fitted.push(context);
      } else {
        fitted.push(parameter.isArray ? asArray(name, args[next], next, parameter.itemKind) : args[next]);
        next++;
      }
    }
    return fitted;
  };
}

function asArray(name: string, value: Value, index: number, itemKind: string | undefined): Value {
  if (value === undefined) return undefined;
  const items = isArray(value) ? value : [value];
  if (itemKind !== undefined && items.some((item) => kindOf(item) !== itemKind)) {
    throw new Fault('expression_type', `Argument ${index + 1} of function $${name} must be an array of the kind ${kindNames[itemKind]}`);
  }
  return items;
}

const kindNames: Readonly<Record<string, string>> = { n: 'number', s: 'string', o: 'object' };

function kindOf(value: Value): string {
  switch (typeof value) {
    case 'string':
      return 's';
    case 'number':
      return 'n';
    case 'boolean':
      return 'b';
    case 'undefined':
      return 'm';
    default:
      return value === null ? 'l' : isArray(value) ? 'a' : 'o';
  }
}
