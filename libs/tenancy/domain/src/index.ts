export { type ApiKeyCreated, type ApiKeyRevoked, type Role, roles, type TenancyEvent, type TenantCreated } from './tenancy.js';
