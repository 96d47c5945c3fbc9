import { Module } from '@nestjs/common';
import { ReadingModule } from '@sluice/platform-projections';
import { ChannelQueriesController } from './channels.controller.js';
import { GetChannelHandler } from './get-channel.js';
import { ListChannelsHandler } from './list-channels.js';

@Module({
  imports: [ReadingModule],
  controllers: [ChannelQueriesController],
  providers: [ListChannelsHandler, GetChannelHandler],
})
export class ChannelsReadModule {}
