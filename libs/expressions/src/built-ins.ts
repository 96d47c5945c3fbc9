import { Fault, type Run } from './run.js';
import { type Signature, signature } from './signature.js';
import { isArray, isNumeric, isObject, isTruthy, ownProperty, Sequence, sequenceOf, setOwn, toText, type Value } from './value.js';

export interface BuiltIn {
  readonly fit: Signature;
  call(args: readonly Value[], run: Run): Value;
}

/** Nothing in, nothing out: what every function of a text does. */
const ofText =
  (make: (text: string, rest: readonly Value[]) => Value) =>
  ([text, ...rest]: readonly Value[]): Value =>
    typeof text === 'string' ? make(text, rest) : undefined;

const ofNumber =
  (make: (number: number, rest: readonly Value[]) => Value) =>
  ([number, ...rest]: readonly Value[]): Value =>
    typeof number === 'number' ? make(number, rest) : undefined;

const ofNumbers =
  (make: (numbers: readonly number[]) => Value) =>
  ([list]: readonly Value[]): Value =>
    isArray(list) ? make(list.filter((item) => typeof item === 'number')) : undefined;

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** JSONata's functions whose work is bounded by their arguments: no callbacks, no regular expressions, no clock, no chance. */
export const builtIns: ReadonlyMap<string, BuiltIn> = new Map(
  Object.entries<readonly [string, BuiltIn['call']]>({
    exists: ['x', ([value]) => value !== undefined],
    boolean: ['x-', ([value], run) => (value === undefined ? undefined : isTruthy(value, run))],
    not: ['x-', ([value], run) => (value === undefined ? undefined : !isTruthy(value, run))],
    type: ['x', ([value]) => typeOf(value)],
    string: ['x-b?', ([value, pretty], run) => (value === undefined ? undefined : toText(value, run, pretty === true ? 2 : 0))],
    number: ['(nsb)-', ([value]) => toNumber(value)],

    length: ['s-', ofText((text) => [...text].length)],
    uppercase: ['s-', ofText((text) => text.toUpperCase())],
    lowercase: ['s-', ofText((text) => text.toLowerCase())],
    trim: ['s-', ofText(trim)],
    substring: ['s-nn?', ofText(substring)],
    substringBefore: ['s-s', ofText((text, [mark]) => (includes(text, mark) ? text.slice(0, text.indexOf(mark)) : text))],
    substringAfter: ['s-s', ofText((text, [mark]) => (includes(text, mark) ? text.slice(text.indexOf(mark) + mark.length) : text))],
    contains: ['s-s', ofText((text, [part]) => (typeof part === 'string' ? text.includes(part) : undefined))],
    split: ['s-sn?', ofText(split)],
    join: ['a<s>s?', ([texts, separator], run) => join(texts, separator, run)],

    abs: ['n-', ofNumber(Math.abs)],
    floor: ['n-', ofNumber(Math.floor)],
    ceil: ['n-', ofNumber(Math.ceil)],
    round: ['n-n?', ofNumber((number, [digits]) => round(number, typeof digits === 'number' ? digits : 0))],
    sum: ['a<n>', ofNumbers(sum)],
    average: ['a<n>', ofNumbers((numbers) => (numbers.length === 0 ? undefined : sum(numbers) / numbers.length))],
    max: ['a<n>', ofNumbers((numbers) => (numbers.length === 0 ? undefined : numbers.reduce((max, number) => Math.max(max, number))))],
    min: ['a<n>', ofNumbers((numbers) => (numbers.length === 0 ? undefined : numbers.reduce((min, number) => Math.min(min, number))))],

    count: ['a', ([list]) => (isArray(list) ? list.length : 0)],
    append: ['xx', ([first, second]) => append(first, second)],
    keys: ['x-', ([value], run) => keys(value, run)],
    lookup: ['x-s', ([value, key], run) => (typeof key === 'string' ? lookup(value, key, run) : undefined)],
    merge: ['a<o>', ([objects], run) => merge(objects, run)],
  }).map(([name, [notation, call]]) => [name, { fit: signature(name, notation), call }]),
);

/** The value of a key, in an array that of every item, arrays within arrays included. */
export function lookup(value: Value, key: string, run: Run): Value {
  if (isObject(value)) return ownProperty(value, key);
  if (!isArray(value)) return undefined;
  run.spend(value.length);
  const found = new Sequence();
  for (const item of value) {
    const part = lookup(item, key, run);
    if (isArray(part)) {
      run.spend(part.length);
      for (const inner of part) found.push(inner);
    } else if (part !== undefined) {
      found.push(part);
    }
  }
  return found;
}

export function append(first: Value, second: Value): Value {
  if (first === undefined) return second;
  if (second === undefined) return first;
  return [...(isArray(first) ? first : [first]), ...(isArray(second) ? second : [second])];
}

const includes = (text: string, part: Value): part is string => typeof part === 'string' && text.includes(part);

function typeOf(value: Value): Value {
  if (value === undefined) return undefined;
  if (value === null) return 'null';
  if (isNumeric(value)) return 'number';
  if (typeof value === 'string' || typeof value === 'boolean') return typeof value;
  return isArray(value) ? 'array' : 'object';
}

const decimal = /^-?[0-9]+(\.[0-9]+)?([Ee][-+]?[0-9]+)?$/;
const otherBase = /^(0[xX][0-9A-Fa-f]+)|(0[oO][0-7]+)|(0[bB][0-1]+)$/;

function toNumber(value: Value): Value {
  if (value === undefined || typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'string') {
    if (decimal.test(value) && Number.isFinite(Number(value))) return Number(value);
    if (otherBase.test(value)) return Number(value);
  }
  throw new Fault('expression_failed', `Unable to cast value to a number: ${JSON.stringify(value)}`);
}

function trim(text: string): string {
  return text.replace(/[ \t\n\r]+/g, ' ').replace(/^ | $/g, '');
}

function substring(text: string, [start, length]: readonly Value[]): string {
  const characters = [...text];
  let from = typeof start === 'number' ? start : Number.NaN;
  if (characters.length + from < 0) from = 0;
  if (typeof length !== 'number') return characters.slice(from).join('');
  if (length <= 0) return '';
  return characters.slice(from, from >= 0 ? from + length : characters.length + from + length).join('');
}

function split(text: string, [separator, limit]: readonly Value[]): Value {
  const most = typeof limit === 'number' ? limit : undefined;
  if (most !== undefined && most < 0) throw new Fault('expression_failed', 'Third argument of $split must evaluate to a positive number');
  if (most !== undefined && !(most > 0)) return [];
  if (typeof separator !== 'string') throw new Fault('expression_type', 'Second argument of $split must evaluate to a string');
  return text.split(separator, most);
}

function join(texts: Value, separator: Value, run: Run): Value {
  if (!isArray(texts)) return undefined;
  const between = typeof separator === 'string' ? separator : '';
  run.spend((between.length * texts.length) >> 2); // before the text exists: a long separator makes it quadratic
  const text = texts.join(between);
  run.spendText(text);
  return text;
}

/** To the nearest, halves to even; digits are shifted in the decimal text, because multiplying would round as well. */
function round(number: number, digits: number): number {
  const shifted = shiftDecimal(number, digits);
  let rounded = Math.round(shifted);
  if (Math.abs(rounded - shifted) === 0.5 && Math.abs(rounded % 2) === 1) rounded--;
  const result = shiftDecimal(rounded, -digits);
  return Object.is(result, -0) ? 0 : result;
}

function shiftDecimal(number: number, digits: number): number {
  if (digits === 0 || Number.isNaN(digits)) return number;
  const [mantissa, exponent] = number.toString().split('e');
  return Number(`${mantissa}e${Number(exponent ?? 0) + digits}`);
}

function keys(value: Value, run: Run): Value {
  if (isObject(value)) {
    const names = Object.keys(value);
    run.spend(names.length);
    return sequenceOf(names);
  }
  if (!isArray(value)) return new Sequence();
  const merged: Record<string, true> = {};
  for (const item of value) {
    const names = keys(item, run);
    if (isArray(names)) for (const name of names) if (typeof name === 'string') setOwn(merged, name, true);
  }
  return sequenceOf(Object.keys(merged));
}

function merge(objects: Value, run: Run): Value {
  if (!isArray(objects)) return undefined;
  const merged: Record<string, Value> = {};
  for (const object of objects) {
    if (!isObject(object)) continue;
    for (const key of Object.keys(object)) {
      run.spend(1);
      setOwn(merged, key, object[key]);
    }
  }
  return merged;
}
