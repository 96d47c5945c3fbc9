export { apiKeyTable } from './api-key.table.js';
export { BootstrapTenancy } from './bootstrap-tenancy.js';
export { CommandAuthenticator } from './command-authenticator.js';
export { QuotaNotices } from './quota-notices.js';
export { TenancyWriteModule, type TenancyWriteOptions } from './tenancy-write.module.js';
