export { replay } from './replay.projection.js';
export { source } from './source.projection.js';
export { webhookEventHistory } from './webhook-event-history.projection.js';
export { WebhookMirrorModule } from './mirror/webhook-mirror.module.js';
export { webhookSummary } from './webhook-summary.projection.js';
export { WebhooksReadModule } from './webhooks-read.module.js';
