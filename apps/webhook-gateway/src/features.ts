import type { DynamicModule } from '@nestjs/common';
import { ownUrlOf } from '@sluice/platform-config';
import type { Logger } from '@sluice/platform-telemetry';
import { WebhooksIngestModule } from '@sluice/webhooks-write';
import type { WebhookGatewayConfig } from './config.js';

/** What this app does, without the servers it does it on; standalone imports the same. */
export const webhookGatewayFeatures = (
  { encryption, http }: Pick<WebhookGatewayConfig, 'encryption' | 'http'>,
  logger: Logger,
): DynamicModule[] => [WebhooksIngestModule.forRoot({ encryption, publicUrl: http.publicUrl ?? ownUrlOf(http), logger })];
