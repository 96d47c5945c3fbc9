export { type Admission, ticketFor, withhold, type WrittenTask, writtenTask } from './admission.js';
export { TicketConsumerModule, type TicketConsumerOptions, TicketsModule, TicketWindowsModule } from './queue.module.js';
export { tenantAdmission } from './tenant-admission.js';
export { TicketWindows } from './ticket-windows.js';
export { type TaskTicket, TicketHandler, Tickets } from './tickets.js';
export {
  beginsRuns,
  callsPerWorker,
  isLight,
  type Lane,
  laneOf,
  type Queue,
  readWindows,
  type TenantWindow,
  type WaitingGroup,
  type Windows,
} from './windows.js';
