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
export {
  deactivate,
  evolve,
  register,
  type Registration,
  type RegistrationFacts,
  RegistrationIsInvalid,
  unregistered,
  type Webhook,
  WebhookNotFound,
} from './webhook.js';
