import { Body, Controller, Delete, HttpCode, Inject, Param, ParseUUIDPipe, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiCreatedResponse, ApiNoContentResponse, ApiTags } from '@nestjs/swagger';
import { ProviderAppCommand, ProviderAppCreatedResult } from '@sluice/contracts';
import { Allow, Caller } from '@sluice/platform-http';
import { CreateProviderApp } from './create-provider-app.js';
import { DeleteProviderApp } from './delete-provider-app.js';
import { PUBLIC_URL } from './public-url.js';

@ApiTags('provider apps')
@Controller('api/provider-apps')
export class ProviderAppsController {
  constructor(
    private readonly commands: CommandBus,
    @Inject(PUBLIC_URL) private readonly publicUrl: string | undefined,
  ) {}

  @Post()
  @Allow('admin')
  @ApiCreatedResponse({ type: ProviderAppCreatedResult })
  async create(
    @Caller() { tenantId, userId }: Caller,
    @Body() { provider, name, credentials }: ProviderAppCommand,
  ): Promise<ProviderAppCreatedResult> {
    const { id, endpoint } = await this.commands.execute(new CreateProviderApp(tenantId, { provider, name }, credentials, userId));
    return { id, endpoint: `${this.publicUrl ?? ''}${endpoint}` };
  }

  @Delete(':id')
  @HttpCode(204)
  @Allow('admin')
  @ApiNoContentResponse()
  delete(@Caller() { tenantId, userId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<void> {
    return this.commands.execute(new DeleteProviderApp(tenantId, id, userId));
  }
}
