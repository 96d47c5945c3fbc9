import type { Json, JsonObject } from '@sluice/kernel';
import { NodeFailure } from './node-type.js';

/** What a template made of a field is known only when the node runs. Another attempt would find the same. */
export const configFailure = (field: string, problem: string): NodeFailure =>
  new NodeFailure('config_invalid', `\`${field}\` ${problem}`, { retryable: false });

/** A text, or what reads like one: an id may well be a number. Nothing, null and the empty text are `undefined`. */
export function optionalText(config: JsonObject, field: string): string | undefined {
  const value = config[field];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'object') throw configFailure(field, `must be a text, not ${kindOf(value)}`);
  return String(value);
}

export function requiredText(config: JsonObject, field: string): string {
  const text = optionalText(config, field);
  if (text === undefined) throw configFailure(field, 'has no value: its expression found nothing');
  return text;
}

export function optionalObject(config: JsonObject, field: string): JsonObject {
  const value = config[field] ?? {};
  if (typeof value !== 'object' || value === null || isList(value)) throw configFailure(field, `must be an object, not ${kindOf(value)}`);
  return value;
}

export const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

export function kindOf(value: Json): string {
  if (value === null) return 'null';
  if (isList(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** One of these words; `undefined` if there is none. */
export function optionalChoice<Word extends string>(config: JsonObject, field: string, words: readonly Word[]): Word | undefined {
  const text = optionalText(config, field);
  if (text === undefined) return undefined;
  const word = words.find((one) => one === text);
  if (word === undefined) throw configFailure(field, `must be one of ${words.join(', ')}`);
  return word;
}

/** A whole number, or a text that reads like one; `undefined` if there is none. */
export function optionalInteger(config: JsonObject, field: string, min: number, max: number): number | undefined {
  const text = optionalText(config, field);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) throw configFailure(field, `must be a whole number from ${min} to ${max}`);
  return value;
}

/** `undefined` if there is none. */
export function optionalBoolean(config: JsonObject, field: string): boolean | undefined {
  const value = config[field] ?? undefined;
  if (value === undefined || typeof value === 'boolean') return value;
  throw configFailure(field, `must be true or false, not ${kindOf(value)}`);
}
