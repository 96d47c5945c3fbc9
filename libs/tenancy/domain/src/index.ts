export {
  type ApiKey,
  ApiKeyNotFound,
  evolveAt,
  ExpiryIsPast,
  hashOf,
  issue,
  type KeyGrant,
  newKey,
  prefixOf,
  revoke,
  unissued,
} from './api-key.js';
export {
  type ApiKeyCreated,
  type ApiKeyEvent,
  type ApiKeyRevoked,
  type Role,
  roles,
  type TenancyEvent,
  type TenantCreated,
} from './tenancy.js';
