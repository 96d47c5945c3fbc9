import { type DynamicModule, Module } from '@nestjs/common';
import type { EncryptionConfig } from '@sluice/platform-config';
import { LOGGER, type Logger } from '@sluice/platform-telemetry';
import { ChannelEncryption } from '../channel-encryption.js';
import { ChannelChanges } from './channel-changes.js';
import { ChannelUpkeep, UPKEEP_OPTIONS, type UpkeepOptions } from './channel-upkeep.js';
import { ReportDeadCredentialsHandler } from './report-dead-credentials.js';
import { ReportRefusedSendHandler } from './report-refused-send.js';

export interface ChannelUpkeepOptions extends UpkeepOptions {
  readonly encryption: EncryptionConfig;
  readonly logger: Logger;
}

/** What a worker does for channels. Needs the service's database with `channelTable`, and notifications. */
@Module({})
export class ChannelUpkeepModule {
  static forRoot({ encryption, logger, ...options }: ChannelUpkeepOptions): DynamicModule {
    return {
      module: ChannelUpkeepModule,
      providers: [
        { provide: LOGGER, useValue: logger },
        { provide: UPKEEP_OPTIONS, useValue: options },
        { provide: ChannelEncryption, useValue: new ChannelEncryption(encryption) },
        ChannelChanges,
        ChannelUpkeep,
        ReportDeadCredentialsHandler,
        ReportRefusedSendHandler,
      ],
    };
  }
}
