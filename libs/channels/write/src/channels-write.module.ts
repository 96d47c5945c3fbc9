import { type DynamicModule, Module } from '@nestjs/common';
import { CommandStoreModule } from '@sluice/platform-event-log';
import type { EncryptionConfig } from '@sluice/platform-config';
import { ChannelEncryption } from './channel-encryption.js';
import { ChannelsController } from './channels.controller.js';
import { ConnectChannelHandler } from './connect-channel.js';
import { CreateHttpCredentialHandler } from './create-http-credential.js';
import { CreateProviderAppHandler } from './create-provider-app.js';
import { CredentialsController } from './credentials.controller.js';
import { DeleteChannelHandler } from './delete-channel.js';
import { DeleteProviderAppHandler } from './delete-provider-app.js';
import { DeleteHttpCredentialHandler } from './delete-http-credential.js';
import { HoldChannelHandler } from './hold-channel.js';
import { ProviderAppsController } from './provider-apps.controller.js';
import { PUBLIC_URL } from './public-url.js';
import { ReleaseChannelHandler } from './release-channel.js';
import { RotateCredentialsHandler } from './rotate-credentials.js';
import { TestChannelHandler } from './test-channel.js';

export interface ChannelsWriteOptions {
  readonly encryption: EncryptionConfig;
  readonly publicUrl: string | undefined;
}

/** Channels, provider apps and credentials. Needs the API's database, notifications, and a global provider of ChannelDependants. */
@Module({})
export class ChannelsWriteModule {
  static forRoot({ encryption, publicUrl }: ChannelsWriteOptions): DynamicModule {
    return {
      module: ChannelsWriteModule,
      imports: [CommandStoreModule],
      controllers: [ChannelsController, CredentialsController, ProviderAppsController],
      providers: [
        { provide: ChannelEncryption, useValue: new ChannelEncryption(encryption) },
        { provide: PUBLIC_URL, useValue: publicUrl },
        ConnectChannelHandler,
        CreateProviderAppHandler,
        CreateHttpCredentialHandler,
        DeleteChannelHandler,
        DeleteHttpCredentialHandler,
        DeleteProviderAppHandler,
        HoldChannelHandler,
        ReleaseChannelHandler,
        RotateCredentialsHandler,
        TestChannelHandler,
      ],
    };
  }
}
