import type { Type } from '@nestjs/common';
import { ChannelsReadModule } from '@sluice/channels-read';
import { ExecutionsReadModule } from '@sluice/executions-read';
import { TenancyReadModule } from '@sluice/tenancy-read';
import { WebhooksReadModule } from '@sluice/webhooks-read';
import { WorkflowsReadModule } from '@sluice/workflows-read';

/** What this app does, without the servers it does it on; standalone imports the same. */
export const queryApiFeatures: readonly Type[] = [
  TenancyReadModule,
  ChannelsReadModule,
  WorkflowsReadModule,
  WebhooksReadModule,
  ExecutionsReadModule,
];
