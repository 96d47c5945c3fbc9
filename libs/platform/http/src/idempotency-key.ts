import { createHmac } from 'node:crypto';
import { limits } from '@sluice/contracts';
import { DomainError, isJsonObject } from '@sluice/kernel';
import type { FastifyRequest } from 'fastify';
import { pathOf } from './problem.filter.js';

export class IdempotencyKeyIsMalformed extends DomainError {
  constructor() {
    const characters = `1 to ${limits.idempotencyKeyCharacters} printable ASCII characters`;
    super('malformed', 'idempotency_key_is_malformed', `Idempotency-Key must be given once, as ${characters}.`);
  }
}

const printable = new RegExp(`^[\\x20-\\x7e]{1,${limits.idempotencyKeyCharacters}}$`);

export function idempotencyKeyIn({ raw }: Pick<FastifyRequest, 'raw'>): string | undefined {
  const given = raw.headersDistinct['idempotency-key'];
  if (given === undefined) return undefined;
  const [key = '', ...others] = given;
  if (others.length > 0 || !printable.test(key)) throw new IdempotencyKeyIsMalformed();
  return key;
}

/**
 * Equal for equal requests: the order of members and the layout of the JSON do not count. An HMAC under the key, since the body may
 * hold secrets that could be guessed from a plain hash.
 */
export function requestHashOf(request: FastifyRequest, tenantId: string, key: string): Buffer {
  const { method, routeOptions, query, headers, body } = request;
  const parts = [method, routeOptions.url, pathOf(request), tenantId, query, headers['if-match'], body];
  return createHmac('sha256', key)
    .update(JSON.stringify(parts.map(ordered)))
    .digest();
}

/** Members by name; bodies are at most 64 levels deep. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (!isJsonObject(value)) return value;
  const members = Object.entries(value).map(([name, member]): [string, unknown] => [name, ordered(member)]);
  return Object.fromEntries(members.sort(([one], [other]) => (one < other ? -1 : 1)));
}
