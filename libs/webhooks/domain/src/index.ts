export {
  type TriggerEvent,
  type WebhookConfig,
  type WebhookDeactivated,
  type WebhookEvent,
  type WebhookFailed,
  type WebhookIgnored,
  type WebhookProcessed,
  type WebhookReceived,
  type WebhookRegistered,
  type WebhookRegistrationEvent,
} from './webhook-events.js';
