import { OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import type { Type } from '@nestjs/common';
import { type Logger } from '@sluice/platform-telemetry';
import type { Job } from 'bullmq';
import { QUEUE_NAME, TicketHandler, ticketsOf } from './tickets.js';

/** BullMQ's own recovery is never relied upon: a job that it calls stalled or failed is a ticket lost, and the sweeps re-issue it. */
export function ticketProcessor(concurrency: number, logger: Logger): Type<WorkerHost> {
  @Processor(QUEUE_NAME, { concurrency, lockDuration: 60_000, maxStalledCount: 1 })
  class TicketProcessor extends WorkerHost {
    constructor(private readonly handler: TicketHandler) {
      super();
    }

    override async process(job: Job<unknown>): Promise<void> {
      await this.handler.handle(ticketsOf(job.data));
    }

    @OnWorkerEvent('error')
    onError(error: Error): void {
      logger.warn({ reason: error.message }, 'the ticket queue does not answer; polling goes on');
    }
  }
  return TicketProcessor;
}
