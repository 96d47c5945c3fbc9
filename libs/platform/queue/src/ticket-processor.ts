import { OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import type { BeforeApplicationShutdown, Type } from '@nestjs/common';
import { type Logger } from '@sluice/platform-telemetry';
import type { Job } from 'bullmq';
import { TicketHandler, ticketsOf } from './tickets.js';

/** BullMQ's own recovery is never relied upon: a job that it calls stalled or failed is a ticket lost, and the sweeps re-issue it. */
export function ticketProcessor(queueName: string, concurrency: number, logger: Logger): Type<WorkerHost> {
  @Processor(queueName, { concurrency, lockDuration: 60_000, maxStalledCount: 1 })
  class TicketProcessor extends WorkerHost implements BeforeApplicationShutdown {
    constructor(private readonly handler: TicketHandler) {
      super();
    }

    override async process(job: Job<unknown>): Promise<void> {
      await this.handler.handle(ticketsOf(job.data));
    }

    /** No new jobs from the first sign of a stop; those under way are the handler's to drain. */
    async beforeApplicationShutdown(): Promise<void> {
      await this.worker.pause(true);
    }

    @OnWorkerEvent('error')
    onError(error: Error): void {
      logger.warn({ reason: error.message }, 'the ticket queue does not answer; polling goes on');
    }
  }
  return TicketProcessor;
}
