import type { Json } from '@sluice/kernel';

import { Fault, type Run } from './run.js';

/** What an expression evaluates to on its way: JSON, nothing, or numbers that JSON has not (1/0). */
export type Value = undefined | null | boolean | number | string | readonly Value[] | { readonly [key: string]: Value };

export type ValueObject = { readonly [key: string]: Value };

/** JSONata's result sequence: nothing when empty, and its only item when it has one, unless `[]` asked for an array. */
export class Sequence extends Array<Value> {
  keepSingleton = false;
}

export const sequenceOf = (items: Iterable<Value>): Sequence => {
  const sequence = new Sequence();
  for (const item of items) sequence.push(item);
  return sequence;
};

export const isArray = (value: Value): value is readonly Value[] => Array.isArray(value);

export const isObject = (value: Value): value is ValueObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Own properties only: `constructor`, `toString` and `__proto__` are names like any other. */
export const ownProperty = (object: ValueObject, key: string): Value => (Object.hasOwn(object, key) ? object[key] : undefined);

/** Sets an own property whatever its name: plain assignment to `__proto__` would set the prototype. */
export function setOwn<T>(object: Record<string, T>, key: string, value: T): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}

export function isNumeric(value: Value): value is number {
  if (typeof value !== 'number' || Number.isNaN(value)) return false;
  if (!Number.isFinite(value)) throw new Fault('expression_failed', `Number out of range: ${value}`);
  return true;
}

/** JSONata's `$boolean`, with nothing as false: empty strings, arrays and objects, 0, null and arrays of only such are false. */
export function isTruthy(value: Value, run: Run): boolean {
  if (isArray(value)) {
    run.spend(value.length);
    let truthy = false;
    for (const item of value) truthy = isTruthy(item, run) || truthy;
    return truthy;
  }
  if (typeof value === 'string') return value !== '';
  if (isNumeric(value)) return value !== 0;
  if (isObject(value)) {
    const keys = Object.keys(value);
    run.spend(keys.length);
    return keys.length > 0;
  }
  return value === true;
}

/** JSONata's `$string`: strings as they are, the rest as JSON with numbers of at most 15 digits. */
export function toText(value: Value, run: Run, indent = 0): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Fault('expression_failed', 'A string was made of Infinity or NaN');
  payForCopy(value, run); // before the text exists: what refers to one part many times is small until it is written out
  return JSON.stringify(
    value,
    (_key, part: Value) => {
      if (isNumeric(part)) return Number.isInteger(part) ? part : Number(part.toPrecision(15));
      return part;
    },
    indent,
  );
}

function payForCopy(value: Value, run: Run): void {
  if (typeof value === 'string') run.spendText(value);
  if (isArray(value)) {
    run.spend(value.length);
    for (const item of value) payForCopy(item, run);
  } else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      run.spendText(key);
      run.spend(1);
      payForCopy(value[key], run);
    }
  }
}

export function isDeepEqual(left: Value, right: Value, run: Run): boolean {
  if (typeof left === 'string' && typeof right === 'string' && left.length === right.length) run.spend(left.length >> 6);
  if (left === right) return true;
  if (isArray(left) && isArray(right)) {
    run.spend(left.length);
    return left.length === right.length && left.every((item, index) => isDeepEqual(item, right[index], run));
  }
  if (isObject(left) && isObject(right)) {
    const keys = Object.keys(left);
    run.spend(keys.length);
    if (keys.length !== Object.keys(right).length) return false;
    return keys.every((key) => Object.hasOwn(right, key) && isDeepEqual(left[key], right[key], run));
  }
  return false;
}

/** A result as plain JSON, a copy of its own: sequences become arrays, and nothing inside an array becomes null. */
export function toJson(value: Value, run: Run): Json | undefined {
  payForCopy(value, run);
  return copy(value);
}

function copy(value: Value): Json | undefined {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new Fault('expression_failed', `Number out of range: ${value}`);
    return value + 0; // JSON has no -0
  }
  if (isArray(value)) {
    const items: Json[] = [];
    for (const item of value) items.push(copy(item) ?? null);
    return items;
  }
  if (isObject(value)) {
    const object: Record<string, Json> = {};
    for (const key of Object.keys(value)) {
      const part = copy(value[key]);
      if (part !== undefined) setOwn(object, key, part);
    }
    return object;
  }
  return value;
}
