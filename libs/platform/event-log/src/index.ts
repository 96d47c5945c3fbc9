export { appendEvents, type LogEntry } from './append.js';
export { announce, CommandStore, type CommandTransaction, type ShownOnce } from './command-store.js';
export { CommandStoreModule } from './event-log.module.js';
export { EventIsTooNew, LogIsBroken, type LoggedEvent, readLog } from './read-log.js';
