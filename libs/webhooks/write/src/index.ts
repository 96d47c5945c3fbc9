export { WebhooksIngestModule } from './webhooks-ingest.module.js';
