import type { DynamicModule, Type } from '@nestjs/common';
import { ChannelsWriteModule, channelTable, providerAppTable } from '@sluice/channels-write';
import { ExecutionsWriteModule } from '@sluice/executions-write';
import type { Logger } from '@sluice/platform-telemetry';
import { apiKeyTable, TenancyWriteModule } from '@sluice/tenancy-write';
import { WebhooksRegistrationModule, webhookTable } from '@sluice/webhooks-write';
import { WorkflowsWriteModule, workflowTable } from '@sluice/workflows-write';
import { ownUrlOf } from '@sluice/platform-config';
import type { CommandApiConfig } from './config.js';

/** What this app does, without the servers it does it on; standalone imports the same. */
export const commandApiFeatures = (
  { http, encryption, bootstrap, execution }: Pick<CommandApiConfig, 'http' | 'encryption' | 'bootstrap' | 'execution'>,
  logger: Logger,
): (DynamicModule | Type)[] => [
  TenancyWriteModule.forRoot({ bootstrap, logger }),
  ChannelsWriteModule.forRoot({ encryption, publicUrl: http.publicUrl }),
  WorkflowsWriteModule.forRoot({ codeNodes: execution.codeNodes }),
  WebhooksRegistrationModule.forRoot({ encryption, publicUrl: http.publicUrl, ownUrl: ownUrlOf(http) }),
  ExecutionsWriteModule,
];

/** For the data source behind ApiDatabase. */
export const commandApiEntities = [apiKeyTable, channelTable, providerAppTable, workflowTable, webhookTable];
