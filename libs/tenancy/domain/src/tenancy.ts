import type { DomainEvent } from '@sluice/kernel';

/** `viewer` reads, `editor` authors, `operator` runs and repairs, `admin` manages keys and channels, `platform` crosses tenants. */
export const roles = ['viewer', 'editor', 'operator', 'admin', 'platform'] as const;
export type Role = (typeof roles)[number];

export type TenantCreated = DomainEvent<'tenant.created', { readonly name: string }>;

export type ApiKeyCreated = DomainEvent<
  'api_key.created',
  {
    readonly name: string;
    readonly role: Role;
    readonly prefix: string;
    /** SHA-256 of the whole key, hex: the query side recognises a key by it */
    readonly hash: string;
    readonly expiresAt: string | null;
    readonly by: string;
  }
>;
export type ApiKeyRevoked = DomainEvent<'api_key.revoked', { readonly by: string }>;

export type ApiKeyEvent = ApiKeyCreated | ApiKeyRevoked;
export type TenancyEvent = TenantCreated | ApiKeyEvent;
