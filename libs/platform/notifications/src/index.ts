export {
  domainEventPattern,
  EVENTS_APPENDED,
  type EventsAppended,
  Notifications,
  NotificationsModule,
  notificationTransport,
  PROJECTION_ADVANCED,
  type ProjectionAdvanced,
  WEBHOOK_ANSWERED,
  type WebhookAnswered,
} from './notifications.module.js';
