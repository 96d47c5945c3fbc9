export { apiKeyDirectory } from './api-key-directory.projection.js';
export { auditLog } from './audit-log.projection.js';
export { QueryAuthenticator } from './query-authenticator.js';
export { TenancyReadModule } from './tenancy-read.module.js';
