import { Module } from '@nestjs/common';
import { ReadingModule } from '@sluice/platform-projections';
import { ApiKeyHintsController, ApiKeyQueriesController } from './api-keys.controller.js';
import { GetTenantUsageHandler } from './get-tenant-usage.js';
import { ListApiKeysHandler } from './list-api-keys.js';
import { ListAuditHandler } from './list-audit.js';
import { QueryAuthenticator } from './query-authenticator.js';
import { TenantQueriesController } from './tenants.controller.js';

@Module({
  imports: [ReadingModule],
  controllers: [ApiKeyQueriesController, TenantQueriesController, ApiKeyHintsController],
  providers: [ListApiKeysHandler, ListAuditHandler, GetTenantUsageHandler, QueryAuthenticator],
  exports: [QueryAuthenticator],
})
export class TenancyReadModule {}
