import { createHash, randomBytes, randomInt } from 'node:crypto';
import { DomainError } from '@sluice/kernel';
import type { ApiKeyCreated, ApiKeyEvent, ApiKeyRevoked, Role } from './tenancy.js';

export interface ApiKey {
  readonly tenantId: string;
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** How its owner recognises it in a list */
  readonly prefix: string;
  /** SHA-256 of the whole key; the key itself is kept nowhere */
  readonly hash: Buffer;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly createdBy: string;
  /** Events of this key so far */
  readonly streamVersion: number;
}

export class ApiKeyNotFound extends DomainError {
  constructor(id: string) {
    super('not_found', 'api_key_not_found', `There is no API key ${id}.`);
  }
}

export class ExpiryIsPast extends DomainError {
  constructor() {
    const message = 'expiresAt must be in the future';
    super('malformed', 'expiry_is_past', message, { errors: [{ path: 'expiresAt', message }] });
  }
}

const alphabet = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789';
const format = /^slk_([A-Za-z0-9]{8})_[A-Za-z0-9_-]{43}$/;

/** `slk_<8 to recognise it by>_<256 random bits>` */
export function newKey(): string {
  const prefix = Array.from({ length: 8 }, () => alphabet.charAt(randomInt(alphabet.length))).join('');
  return `slk_${prefix}_${randomBytes(32).toString('base64url')}`;
}

/** Keys are random, not chosen, so a fast hash is enough; looked up by it. */
export const hashOf = (key: string): Buffer => createHash('sha256').update(key).digest();

/** Nothing of a key that an operator chose: it may be short. */
export const prefixOf = (key: string): string => format.exec(key)?.[1] ?? 'operator';

/** A key before its first event. */
export const unissued = (tenantId: string, id: string): ApiKey => ({
  tenantId,
  id,
  name: '',
  role: 'viewer',
  prefix: '',
  hash: Buffer.alloc(0),
  expiresAt: null,
  revokedAt: null,
  createdBy: '',
  streamVersion: 0,
});

export interface KeyGrant {
  readonly name: string;
  readonly role: Role;
  readonly expiresAt: Date | null;
}

export function issue({ id }: ApiKey, key: string, { name, role, expiresAt }: KeyGrant, by: string, now: Date): ApiKeyCreated[] {
  if (expiresAt !== null && expiresAt <= now) throw new ExpiryIsPast();
  const payload = { name, role, prefix: prefixOf(key), hash: hashOf(key).toString('hex'), expiresAt: expiresAt?.toISOString() ?? null, by };
  return [{ type: 'api_key.created', aggregateId: id, payload }];
}

/** Revoking what is revoked decides nothing. */
export function revoke({ id, revokedAt }: ApiKey, by: string): ApiKeyRevoked[] {
  return revokedAt === null ? [{ type: 'api_key.revoked', aggregateId: id, payload: { by } }] : [];
}

/** `now`: when the events happen; they carry no time of their own before they are in the log. */
export const evolveAt =
  (now: Date) =>
  (apiKey: ApiKey, event: ApiKeyEvent): ApiKey => {
    const streamVersion = apiKey.streamVersion + 1;
    switch (event.type) {
      case 'api_key.created': {
        const { name, role, prefix, hash, expiresAt, by } = event.payload;
        const expiry = expiresAt === null ? null : new Date(expiresAt);
        return { ...apiKey, name, role, prefix, hash: Buffer.from(hash, 'hex'), expiresAt: expiry, createdBy: by, streamVersion };
      }
      case 'api_key.revoked':
        return { ...apiKey, revokedAt: now, streamVersion };
    }
  };
