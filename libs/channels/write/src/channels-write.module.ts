import { type DynamicModule, Module } from '@nestjs/common';
import { CommandStoreModule } from '@sluice/platform-event-log';
import type { EncryptionConfig } from '@sluice/platform-config';
import { ChannelEncryption } from './channel-encryption.js';
import { ChannelsController } from './channels.controller.js';
import { ConnectChannelHandler } from './connect-channel.js';
import { DeleteChannelHandler } from './delete-channel.js';
import { HoldChannelHandler } from './hold-channel.js';
import { ReleaseChannelHandler } from './release-channel.js';
import { RotateCredentialsHandler } from './rotate-credentials.js';

/** Connecting, holding and deleting channels. Needs the API's database, notifications, and a global provider of ChannelDependants. */
@Module({})
export class ChannelsWriteModule {
  static forRoot({ keys }: EncryptionConfig): DynamicModule {
    return {
      module: ChannelsWriteModule,
      imports: [CommandStoreModule],
      controllers: [ChannelsController],
      providers: [
        { provide: ChannelEncryption, useValue: new ChannelEncryption(keys) },
        ConnectChannelHandler,
        DeleteChannelHandler,
        HoldChannelHandler,
        ReleaseChannelHandler,
        RotateCredentialsHandler,
      ],
    };
  }
}
