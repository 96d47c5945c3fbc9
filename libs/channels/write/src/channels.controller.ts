import { Body, Controller, Delete, HttpCode, Param, ParseUUIDPipe, Post, Put } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import {
  ChannelCommand,
  ChannelConnectedResult,
  ChannelRotationCommand,
  ChannelRotationResult,
  ChannelStatusResult,
  ChannelTestResult,
} from '@sluice/contracts';
import { Allow, Caller } from '@sluice/platform-http';
import { ConnectChannel } from './connect-channel.js';
import { DeleteChannel } from './delete-channel.js';
import { HoldChannel } from './hold-channel.js';
import { ReleaseChannel } from './release-channel.js';
import { RotateCredentials } from './rotate-credentials.js';
import { TestChannel } from './test-channel.js';

@ApiTags('channels')
@Controller('api/channels')
export class ChannelsController {
  constructor(private readonly commands: CommandBus) {}

  @Post()
  @Allow('admin')
  @ApiCreatedResponse({ type: ChannelConnectedResult })
  connect(@Caller() { tenantId, userId }: Caller, @Body() body: ChannelCommand): Promise<ChannelConnectedResult> {
    const { provider, name, externalAccountId = null, config = {}, expiresAt, credentials } = body;
    const settings = { provider, name, externalAccountId, config, expiresAt: expiresAt === undefined ? null : new Date(expiresAt) };
    return this.commands.execute(new ConnectChannel(tenantId, settings, credentials, userId));
  }

  @Put(':id/credentials')
  @Allow('admin')
  @ApiOkResponse({ type: ChannelRotationResult })
  rotate(
    @Caller() { tenantId, userId }: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Body() { credentials, expiresAt, previousSecretsUntil }: ChannelRotationCommand,
  ): Promise<ChannelRotationResult> {
    const end = expiresAt === undefined ? null : new Date(expiresAt);
    const overlap = previousSecretsUntil === undefined ? undefined : new Date(previousSecretsUntil);
    return this.commands.execute(new RotateCredentials(tenantId, id, credentials, end, userId, overlap));
  }

  @Post(':id/hold')
  @HttpCode(200)
  @Allow('operator')
  @ApiOkResponse({ type: ChannelStatusResult })
  hold(@Caller() { tenantId, userId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<ChannelStatusResult> {
    return this.commands.execute(new HoldChannel(tenantId, id, userId));
  }

  @Post(':id/release')
  @HttpCode(200)
  @Allow('operator')
  @ApiOkResponse({ type: ChannelStatusResult })
  release(@Caller() { tenantId, userId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<ChannelStatusResult> {
    return this.commands.execute(new ReleaseChannel(tenantId, id, userId));
  }

  @Post(':id/test')
  @HttpCode(200)
  @Allow('operator')
  @ApiOkResponse({ type: ChannelTestResult })
  test(@Caller() { tenantId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<ChannelTestResult> {
    return this.commands.execute(new TestChannel(tenantId, id));
  }

  @Delete(':id')
  @HttpCode(204)
  @Allow('admin')
  @ApiNoContentResponse()
  delete(@Caller() { tenantId, userId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<void> {
    return this.commands.execute(new DeleteChannel(tenantId, id, userId));
  }
}
