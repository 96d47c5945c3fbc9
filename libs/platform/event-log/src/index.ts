export { appendEvents, type LogEntry } from './append.js';
export { announce, CommandStore, type CommandTransaction, type ShownOnce } from './command-store.js';
export { CommandStoreModule } from './event-log.module.js';
export { EVENT_SCHEMA_VERSION, EventIsTooNew, LogIsBroken, type LoggedEvent, type ReadBounds, readLog } from './read-log.js';
