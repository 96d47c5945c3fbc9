export { type ApiKey, ApiKeyNotFound, evolveAt, hashOf, issue, type KeyGrant, newKey, revoke, unissued } from './api-key.js';
export {
  type ApiKeyCreated,
  type ApiKeyEvent,
  type ApiKeyRevoked,
  type AuditRecorded,
  type Quotas,
  type RateQuota,
  type Role,
  type TenancyEvent,
  type TenantCreated,
  type TenantQuotaExceeded,
} from './tenancy.js';
export { changeEnv, changeQuotas, evolveTenant, type Tenant, TenantNotFound } from './tenant.js';
