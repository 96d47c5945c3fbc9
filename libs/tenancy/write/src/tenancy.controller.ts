import { Body, Controller, Delete, HttpCode, Param, ParseUUIDPipe, Post, Put } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import {
  ApiKeyCommand,
  KeyIssuedResult,
  TenantCommand,
  TenantEnvCommand,
  TenantEnvResult,
  TenantQuotas,
  TenantQuotasResult,
} from '@sluice/contracts';
import { Allow, Caller } from '@sluice/platform-http';
import { TenantNotFound } from '@sluice/tenancy-domain';
import { ChangeEnv } from './change-env.js';
import { ChangeQuotas } from './change-quotas.js';
import { CreateApiKey } from './create-api-key.js';
import { CreateTenant } from './create-tenant.js';
import { RevokeApiKey } from './revoke-api-key.js';

@ApiTags('tenancy')
@Controller('api')
export class TenancyController {
  constructor(private readonly commands: CommandBus) {}

  @Post('api-keys')
  @Allow('admin')
  @ApiCreatedResponse({ type: KeyIssuedResult })
  createApiKey(@Caller() { tenantId, userId }: Caller, @Body() { name, role, expiresAt }: ApiKeyCommand): Promise<KeyIssuedResult> {
    const grant = { name, role, expiresAt: expiresAt === undefined ? null : new Date(expiresAt) };
    return this.commands.execute(new CreateApiKey(tenantId, grant, userId));
  }

  @Delete('api-keys/:id')
  @HttpCode(204)
  @Allow('admin')
  @ApiNoContentResponse()
  revokeApiKey(@Caller() { tenantId, userId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<void> {
    return this.commands.execute(new RevokeApiKey(tenantId, id, userId));
  }

  @Post('tenants')
  @Allow('platform')
  @ApiCreatedResponse({ type: KeyIssuedResult, description: 'The tenant and its first admin key' })
  createTenant(@Caller() { userId }: Caller, @Body() { name }: TenantCommand): Promise<KeyIssuedResult> {
    return this.commands.execute(new CreateTenant(name, userId));
  }

  @Put('tenants/:id/quotas')
  @Allow('platform')
  @ApiOkResponse({ type: TenantQuotasResult })
  changeQuotas(
    @Caller() { userId }: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Body() quotas: TenantQuotas,
  ): Promise<TenantQuotasResult> {
    const given = Object.fromEntries(Object.entries(quotas).filter(([, value]) => value !== undefined));
    return this.commands.execute(new ChangeQuotas(id.toLowerCase(), given, userId));
  }

  /** A tenant knows no other: a platform key names the one it changes as `tenantId` too. */
  @Put('tenants/:id/env')
  @Allow('admin')
  @ApiOkResponse({ type: TenantEnvResult })
  async changeEnv(
    @Caller() { tenantId, userId }: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Body() { variables }: TenantEnvCommand,
  ): Promise<TenantEnvResult> {
    if (id.toLowerCase() !== tenantId) throw new TenantNotFound(id);
    return this.commands.execute(new ChangeEnv(tenantId, variables, userId));
  }
}
