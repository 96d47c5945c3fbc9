export { TicketConsumerModule, type TicketConsumerOptions, TicketsModule } from './queue.module.js';
export { type TaskTicket, TicketHandler, Tickets } from './tickets.js';
