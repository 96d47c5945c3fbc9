import { OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import type { BeforeApplicationShutdown, Type } from '@nestjs/common';
import { jobWaitSeconds } from '@sluice/platform-redis';
import { type Logger } from '@sluice/platform-telemetry';
import type { Job } from 'bullmq';
import { TicketHandler, ticketsOf } from './tickets.js';

/** So long a stop waits for BullMQ to write down which jobs are done. What it does not write comes again, and does nothing. */
const recordMs = 1_000;

/** BullMQ's own recovery is never relied upon: a job that it calls stalled or failed is a ticket lost, and the sweeps re-issue it. */
export function ticketProcessor(queueName: string, concurrency: number, logger: Logger): Type<WorkerHost> {
  @Processor(queueName, { concurrency, lockDuration: 60_000, maxStalledCount: 1, drainDelay: jobWaitSeconds })
  class TicketProcessor extends WorkerHost implements BeforeApplicationShutdown {
    /** By job id, what is handled, until BullMQ has recorded that it is done */
    private readonly handled = new Map<string | undefined, Promise<void>>();
    private recorded: () => void = () => {};

    constructor(private readonly handler: TicketHandler) {
      super();
    }

    override async process(job: Job<unknown>): Promise<void> {
      const handling = this.handler.handle(ticketsOf(job.data));
      this.handled.set(job.id, handling);
      await handling;
    }

    /**
     * No new jobs from the first sign of a stop; those under way are the handler's to drain. Nest closes the worker later, and would wait for
     * a Redis that is away for ever: it is closed here, without waiting for Redis longer than a moment.
     */
    async beforeApplicationShutdown(): Promise<void> {
      await this.worker.pause(true);
      await Promise.all(this.handled.values());
      await new Promise<void>((resolve) => {
        if (this.handled.size === 0) return resolve();
        this.recorded = resolve;
        setTimeout(resolve, recordMs);
      });
      await this.worker.close(true);
    }

    @OnWorkerEvent('completed')
    onCompleted(job: Job): void {
      this.forget(job.id);
    }

    @OnWorkerEvent('failed')
    onFailed(job: Job | undefined): void {
      this.forget(job?.id);
    }

    @OnWorkerEvent('error')
    onError(error: Error): void {
      logger.warn({ reason: error.message }, 'the ticket queue does not answer; polling goes on');
    }

    private forget(id: string | undefined): void {
      this.handled.delete(id);
      if (this.handled.size === 0) this.recorded();
    }
  }
  return TicketProcessor;
}
