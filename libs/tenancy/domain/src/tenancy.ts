import type { DomainEvent } from '@sluice/kernel';

/** `viewer` reads, `editor` authors, `operator` runs and repairs, `admin` manages keys and channels, `platform` crosses tenants. */
export const roles = ['viewer', 'editor', 'operator', 'admin', 'platform'] as const;
export type Role = (typeof roles)[number];

export type TenantCreated = DomainEvent<'tenant.created', { readonly name: string }>;
/** All of its quotas, as they are from now on. */
export type TenantQuotaChanged = DomainEvent<'tenant.quota.changed', { readonly quotas: Quotas; readonly by: string }>;
/** All of its variables were replaced. Their values are nowhere in the log: some are secret. */
export type TenantEnvChanged = DomainEvent<'tenant.env.changed', { readonly names: readonly string[]; readonly by: string }>;
/** A quota was reached, and something was refused or waits because of it. Once in each of its windows. */
export type TenantQuotaExceeded = DomainEvent<
  'tenant.quota.exceeded',
  { readonly quota: RateQuota; readonly limit: number; readonly from: string; readonly until: string }
>;
export type TenantEvent = TenantCreated | TenantQuotaChanged | TenantEnvChanged | TenantQuotaExceeded;

/** Those that are of a time */
export type RateQuota = 'webhooksPerMinute' | 'dailyExecutions';

/** What a tenant may use; what is absent has no limit. */
export interface Quotas {
  /** Runs that are running; those that wait for something are not. */
  readonly maxConcurrentExecutions?: number;
  readonly webhooksPerMinute?: number;
  /** A day is one of UTC. */
  readonly dailyExecutions?: number;
  /** Its part of what all tenants share, beside that of others. Default 1 */
  readonly weight?: number;
}

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
export type TenancyEvent = TenantEvent | ApiKeyEvent;

/**
 * Who did what to what, once for every command that was accepted, in the commit of what it changed. Each is a stream of its own: a new id,
 * version 1. Holds no value that the caller sent.
 */
export type AuditRecorded = DomainEvent<
  'audit.recorded',
  {
    /** The command, as the route's handler is called: `workflows.publish` */
    readonly action: string;
    readonly by: string;
    readonly role: string;
    /** The thing changed; null: there is no one thing */
    readonly subject: { readonly type: string; readonly id: string } | null;
    /** The caller's address as the socket has it; null: not known */
    readonly from: string | null;
    readonly method: string;
    /** Without the query */
    readonly path: string;
  }
>;
