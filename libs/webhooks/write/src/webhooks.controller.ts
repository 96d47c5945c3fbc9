import { Body, Controller, Delete, HttpCode, Inject, Param, ParseUUIDPipe, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { PUBLIC_URL } from '@sluice/channels-write';
import { WebhookRegistrationCommand, WebhookRegistrationResult, WebhookTestResult } from '@sluice/contracts';
import { Allow, Caller } from '@sluice/platform-http';
import { DeactivateWebhook } from './deactivate-webhook.js';
import { RegisterWebhook } from './register-webhook.js';
import { TestWebhook } from './test-webhook.js';

@ApiTags('webhooks')
@Controller('api/webhooks')
export class WebhooksController {
  constructor(
    private readonly commands: CommandBus,
    @Inject(PUBLIC_URL) private readonly publicUrl: string | undefined,
  ) {}

  @Post()
  @Allow('editor')
  @ApiCreatedResponse({ type: WebhookRegistrationResult })
  async register(
    @Caller() { tenantId, userId }: Caller,
    @Body() { config: { channelId, ...listening } = {}, ...rest }: WebhookRegistrationCommand,
  ): Promise<WebhookRegistrationResult> {
    const registered = await this.commands.execute(new RegisterWebhook(tenantId, { ...rest, ...listening }, channelId, userId));
    return { ...registered, endpoint: `${this.publicUrl ?? ''}${registered.endpoint}` };
  }

  @Delete(':id')
  @HttpCode(204)
  @Allow('editor')
  @ApiNoContentResponse()
  deactivate(@Caller() { tenantId, userId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<void> {
    return this.commands.execute(new DeactivateWebhook(tenantId, id, userId));
  }

  @Post(':id/test')
  @HttpCode(200)
  @Allow('operator')
  @ApiOkResponse({ type: WebhookTestResult })
  test(@Caller() { tenantId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<WebhookTestResult> {
    return this.commands.execute(new TestWebhook(tenantId, id));
  }
}
