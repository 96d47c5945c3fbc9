export { type ApiKey, ApiKeyNotFound, evolveAt, hashOf, issue, type KeyGrant, newKey, revoke, unissued } from './api-key.js';
export {
  type ApiKeyCreated,
  type ApiKeyEvent,
  type ApiKeyRevoked,
  type AuditRecorded,
  type Quotas,
  type Role,
  type TenancyEvent,
  type TenantCreated,
} from './tenancy.js';
export { changeEnv, changeQuotas, evolveTenant, type Tenant, TenantNotFound } from './tenant.js';
