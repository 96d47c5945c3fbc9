import { isDeepStrictEqual } from 'node:util';
import { DomainError, type JsonObject } from '@sluice/kernel';
import type { Quotas, TenantEnvChanged, TenantEvent, TenantQuotaChanged } from './tenancy.js';

export interface Tenant {
  readonly id: string;
  readonly quotas: Quotas;
  /** Variables that its workflows read as `env` */
  readonly env: JsonObject;
  /** Events of this tenant so far */
  readonly streamVersion: number;
}

export class TenantNotFound extends DomainError {
  constructor(id: string) {
    super('not_found', 'tenant_not_found', `There is no tenant ${id}.`);
  }
}

/** Setting what is set decides nothing. */
export function changeQuotas({ id, quotas: present }: Tenant, quotas: Quotas, by: string): TenantQuotaChanged[] {
  if (isDeepStrictEqual(present, quotas)) return [];
  return [{ type: 'tenant.quota.changed', aggregateId: id, payload: { quotas, by } }];
}

/** Setting what is set decides nothing. */
export function changeEnv({ id, env: present }: Tenant, env: JsonObject, by: string): TenantEnvChanged[] {
  if (isDeepStrictEqual(present, env)) return [];
  return [{ type: 'tenant.env.changed', aggregateId: id, payload: { names: Object.keys(env).sort(), by } }];
}

/** `env` stays as it was: its values are in no event. */
export function evolveTenant(tenant: Tenant, event: TenantEvent): Tenant {
  const streamVersion = tenant.streamVersion + 1;
  switch (event.type) {
    case 'tenant.quota.changed':
      return { ...tenant, quotas: event.payload.quotas, streamVersion };
    case 'tenant.created':
    case 'tenant.env.changed':
    case 'tenant.quota.exceeded':
      return { ...tenant, streamVersion };
  }
}
