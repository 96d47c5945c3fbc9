import { Body, Controller, Delete, HttpCode, Param, ParseUUIDPipe, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiCreatedResponse, ApiNoContentResponse, ApiTags } from '@nestjs/swagger';
import { ChannelCommand, ChannelConnectedResult } from '@sluice/contracts';
import { Allow, Caller } from '@sluice/platform-http';
import { ConnectChannel } from './connect-channel.js';
import { DeleteChannel } from './delete-channel.js';

@ApiTags('channels')
@Controller('api/channels')
export class ChannelsController {
  constructor(private readonly commands: CommandBus) {}

  @Post() @Allow('admin')
  @ApiCreatedResponse({ type: ChannelConnectedResult })
  connect(@Caller() { tenantId, userId }: Caller, @Body() body: ChannelCommand): Promise<ChannelConnectedResult> {
    const { provider, name, externalAccountId = null, config = {}, expiresAt, credentials } = body;
    const settings = { provider, name, externalAccountId, config, expiresAt: expiresAt === undefined ? null : new Date(expiresAt) };
    return this.commands.execute(new ConnectChannel(tenantId, settings, credentials, userId));
  }

  @Delete(':id') @HttpCode(204) @Allow('admin')
  @ApiNoContentResponse()
  delete(@Caller() { tenantId, userId }: Caller, @Param('id', ParseUUIDPipe) id: string): Promise<void> {
    return this.commands.execute(new DeleteChannel(tenantId, id, userId));
  }
}
