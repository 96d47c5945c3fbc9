import { isJsonObject, type Json, type JsonObject } from '@sluice/kernel';

// Payloads are data of unknown shape: each reader gives the value if it is what was hoped for, and undefined if not.

/** Levels of nested arrays and objects in a body. `JSON.stringify` overflows at some ten thousand, jsonb at fewer. */
export const depthMax = 64;

const idCharactersMax = 512;
/** The last instant that has a four-digit year */
const timeMsMax = Date.UTC(10_000, 0) - 1;
/** Below this a number counts seconds (until the year 5138), above it milliseconds (since 1973). */
const secondsMax = 1e11;

export const objectOf = (value: Json | undefined): JsonObject | undefined => (isJsonObject(value) ? value : undefined);

export const listOf = (value: Json | undefined): readonly Json[] | undefined => (Array.isArray(value) ? value : undefined);

export const textOf = (value: Json | undefined): string | undefined => (typeof value === 'string' ? value : undefined);

/** Those of these members that there are; undefined: none. */
export function partsOf(fields: JsonObject, ...names: readonly string[]): JsonObject | undefined {
  const parts = names.flatMap((name): [string, Json][] => (fields[name] === undefined ? [] : [[name, fields[name]]]));
  return parts.length === 0 ? undefined : Object.fromEntries(parts);
}

/** Ids are strings with us, even where a provider writes a number. */
export function idOf(value: Json | undefined): string | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : undefined;
  return typeof value === 'string' && value !== '' && value.length <= idCharactersMax ? value : undefined;
}

/** Milliseconds since 1970 from seconds or milliseconds, as a number or as text, or from ISO 8601. */
export function timeOf(value: Json | undefined): number | undefined {
  const ms = typeof value === 'string' && /^\d{4}-\d{2}-\d{2}T/.test(value) ? Date.parse(value) : fromNumber(value);
  return ms > 0 && ms <= timeMsMax ? ms : undefined;
}

function fromNumber(value: Json | undefined): number {
  const number = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number') return Number.NaN;
  return Math.floor(number < secondsMax ? number * 1000 : number);
}
