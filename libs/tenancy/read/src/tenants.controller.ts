import { Controller, Get, Param, ParseUUIDPipe, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { AuditPage, TenantUsageQuery } from '@sluice/contracts';
import { Allow, Caller } from '@sluice/platform-http';
import { ReadsTheLog } from '@sluice/platform-projections';
import { TenantNotFound } from '@sluice/tenancy-domain';
import { GetTenantUsage, UsageFilter } from './get-tenant-usage.js';
import { AuditFilter, ListAudit } from './list-audit.js';

@ApiTags('Tenants')
@Controller('api')
@ReadsTheLog()
export class TenantQueriesController {
  constructor(private readonly queries: QueryBus) {}

  @Get('audit')
  @Allow('admin')
  @ApiOkResponse({ type: AuditPage })
  audit(@Caller() { tenantId }: Caller, @Query() filter: AuditFilter): Promise<AuditPage> {
    return this.queries.execute(new ListAudit(tenantId, filter));
  }

  /** A tenant knows no other: a platform key names the one it asks about as `tenantId` too. */
  @Get('tenants/:id/usage')
  @Allow('admin')
  @ApiOkResponse({ type: TenantUsageQuery })
  usage(@Caller() { tenantId }: Caller, @Param('id', ParseUUIDPipe) id: string, @Query() { days }: UsageFilter): Promise<TenantUsageQuery> {
    if (id.toLowerCase() !== tenantId) throw new TenantNotFound(id);
    return this.queries.execute(new GetTenantUsage(tenantId, days));
  }
}
