import { Controller, Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { EventPattern, Payload } from '@nestjs/microservices';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { ApiKeyPage } from '@sluice/contracts';
import { Allow, Caller } from '@sluice/platform-http';
import { PROJECTION_ADVANCED, type ProjectionAdvanced } from '@sluice/platform-notifications';
import { ReadsTheLog } from '@sluice/platform-projections';
import { apiKeyDirectory } from './api-key-directory.projection.js';
import { ApiKeyFilter, ListApiKeys } from './list-api-keys.js';
import { QueryAuthenticator } from './query-authenticator.js';

@ApiTags('API keys')
@Controller('api/api-keys')
@ReadsTheLog()
export class ApiKeyQueriesController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Allow('admin')
  @ApiOkResponse({ type: ApiKeyPage })
  list(@Caller() { tenantId }: Caller, @Query() filter: ApiKeyFilter): Promise<ApiKeyPage> {
    return this.queries.execute(new ListApiKeys(tenantId, filter));
  }
}

/** A revoked key is refused as soon as the read model knows. */
@Controller()
export class ApiKeyHintsController {
  constructor(private readonly authenticator: QueryAuthenticator) {}

  @EventPattern(PROJECTION_ADVANCED)
  advanced(@Payload() { keys }: ProjectionAdvanced): void {
    const about = `:${apiKeyDirectory.table}`;
    if (keys.some((key) => key === '*' || key.includes(about))) this.authenticator.forget();
  }
}
