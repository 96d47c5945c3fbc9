export {
  domainEventPattern,
  EVENTS_APPENDED,
  type EventsAppended,
  Notifications,
  NotificationsModule,
  notificationTransport,
  PROJECTION_ADVANCED,
  type ProjectionAdvanced,
} from './notifications.module.js';
