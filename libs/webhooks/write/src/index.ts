export { beginHeldEvents } from './begin-held-events.js';
export { WebhooksIngestModule } from './webhooks-ingest.module.js';
export { advanceReplays } from './replays/advance-replays.js';
export { lookAtSources } from './sources/write-figures.js';
export { webhookTable } from './webhook.table.js';
export { WebhooksRegistrationModule, type WebhooksRegistrationOptions } from './webhooks-registration.module.js';
