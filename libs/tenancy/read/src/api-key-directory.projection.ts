import { type Projection, type TenantRow, unchanged } from '@sluice/platform-projections';
import type { Role, TenancyEvent } from '@sluice/tenancy-domain';

export interface ApiKeyDirectory extends TenantRow {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly prefix: string;
  readonly hash: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly createdBy: string;
  readonly createdAt: string;
}

/**
 * The keys of all tenants, by which the query side recognises its callers. No answer shows the hash; the query API's role may not
 * even read it.
 */
export const apiKeyDirectory: Projection<TenancyEvent, ApiKeyDirectory> = {
  table: 'api_key_directory',
  key: ['id'],
  columns: {
    tenantId: 'uuid',
    id: 'uuid',
    name: 'text',
    role: 'text',
    prefix: 'text',
    hash: 'text',
    expiresAt: 'timestamptz',
    revokedAt: 'timestamptz',
    createdBy: 'text',
    createdAt: 'timestamptz',
  },
  keys: ({ aggregateId: id }) => [{ id }],
  on: {
    'tenant.created': unchanged,
    'tenant.quota.changed': unchanged,
    'tenant.env.changed': unchanged,
    'tenant.quota.exceeded': unchanged,
    'api_key.created': ({ payload: { by, ...key }, timestamp }) => ({ ...key, revokedAt: null, createdBy: by, createdAt: timestamp }),
    'api_key.revoked': ({ timestamp: revokedAt }) => ({ revokedAt }),
  },
};
