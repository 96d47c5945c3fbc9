import { Module } from '@nestjs/common';
import { ReadingModule } from '@sluice/platform-projections';
import { ApiKeyHintsController, ApiKeyQueriesController } from './api-keys.controller.js';
import { ListApiKeysHandler } from './list-api-keys.js';
import { QueryAuthenticator } from './query-authenticator.js';

@Module({
  imports: [ReadingModule],
  controllers: [ApiKeyQueriesController, ApiKeyHintsController],
  providers: [ListApiKeysHandler, QueryAuthenticator],
  exports: [QueryAuthenticator],
})
export class TenancyReadModule {}
