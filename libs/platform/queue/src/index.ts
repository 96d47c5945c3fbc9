export { TicketConsumerModule, type TicketConsumerOptions, TicketsModule } from './queue.module.js';
export { QUEUE_NAME, type TaskTicket, TicketHandler, Tickets } from './tickets.js';
