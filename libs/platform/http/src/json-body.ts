import { isUtf8 } from 'node:buffer';
import { limits } from '@sluice/contracts';
import { DomainError } from '@sluice/kernel';

export class BodyIsMalformed extends DomainError {
  constructor(message: string) {
    super('malformed', 'malformed_body', message);
  }
}

/** Refuses what must not reach a parser: other encodings, and nesting on which recursive functions would overflow. */
export function assertParsable(body: Buffer): void {
  if (!isUtf8(body)) throw new BodyIsMalformed('The body is not UTF-8.');
  if (isDeeperThan(limits.bodyDepth, body)) throw new BodyIsMalformed(`The body is nested more than ${limits.bodyDepth} levels deep.`);
}

/** One pass over the bytes; does not judge the syntax. */
function isDeeperThan(max: number, body: Buffer): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at];
    if (inString) {
      if (byte === 0x5c) at += 1;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x5b || byte === 0x7b) {
      depth += 1;
      if (depth > max) return true;
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1;
  }
  return false;
}

/**
 * Refuses what cannot be kept or carried: text that Postgres does not take (NUL, halves of a surrogate pair), and members named
 * `constructor`, which class-transformer would take for a class or drop.
 */
export function assertStorable(value: unknown): void {
  if (typeof value === 'string') {
    if (value.includes('\0') || !value.isWellFormed())
      throw new BodyIsMalformed('The body holds a NUL character or half a surrogate pair.');
  } else if (Array.isArray(value)) {
    value.forEach(assertStorable);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      if (name === 'constructor') throw new BodyIsMalformed('A member of the body is named "constructor".');
      assertStorable(name);
      assertStorable(member);
    }
  }
}
