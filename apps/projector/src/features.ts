import type { DynamicModule } from '@nestjs/common';
import { channelHealth, channelSummary } from '@sluice/channels-read';
import { backtest, backtestPart, deadLetter, executionDetail, executionSummary, sentMessage } from '@sluice/executions-read';
import { type AnyProjection, ProjectorModule } from '@sluice/platform-projections';
import type { Logger } from '@sluice/platform-telemetry';
import { apiKeyDirectory, auditLog } from '@sluice/tenancy-read';
import { replay, source, webhookEventHistory, WebhookMirrorModule, webhookSummary } from '@sluice/webhooks-read';
import { workflowDetail, workflowSummary, workflowVersion } from '@sluice/workflows-read';
import type { ProjectorConfig } from './config.js';

/** Every read model there is. */
export const projections: readonly AnyProjection[] = [
  apiKeyDirectory,
  channelSummary,
  channelHealth,
  workflowSummary,
  workflowDetail,
  workflowVersion,
  webhookSummary,
  webhookEventHistory,
  replay,
  source,
  executionSummary,
  executionDetail,
  sentMessage,
  backtest,
  backtestPart,
  deadLetter,
  auditLog,
];

/** What this app does, without the servers it does it on; standalone imports the same. */
export const projectorFeatures = ({ webhookMirror }: Pick<ProjectorConfig, 'webhookMirror'>, logger: Logger): DynamicModule[] => [
  ProjectorModule.forRoot({ projections, logger }),
  ...(webhookMirror === undefined ? [] : [WebhookMirrorModule.forRoot(webhookMirror, logger)]),
];
