import { EventEmitter } from 'node:events';
import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { inJobs, type TaskTicket, TicketHandler, type TicketJob, Tickets } from './tickets.js';

const channel = new EventEmitter().setMaxListeners(0);
const topic = 'tickets';
const jobsWaitingMax = 1_000;

/** Tickets within this process. What nobody takes is lost, as with Redis; the sweeps find its tasks. */
@Injectable()
export class InProcessTickets extends Tickets {
  issue(tickets: readonly TaskTicket[]): Promise<boolean> {
    return Promise.resolve(inJobs(tickets).every((job) => channel.emit(topic, job)));
  }

  keeper(): Promise<string | undefined> {
    return Promise.resolve('in-process');
  }

  /** They lie with whoever takes them, and there are few: the consumer drops what it cannot hold. */
  waiting(): Promise<number> {
    return Promise.resolve(0);
  }
}

/** Takes tickets, a bounded number of jobs at a time; beyond the bound they are left to the sweeps. */
@Injectable()
export class InProcessConsumer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly waiting: TicketJob[] = [];
  private readonly running = new Set<Promise<void>>();
  private readonly take = (job: TicketJob): void => {
    const place = this.waiting.findLastIndex(({ priority }) => priority >= job.priority) + 1;
    if (this.waiting.length < jobsWaitingMax) this.waiting.splice(place, 0, job);
    this.fill();
  };

  constructor(
    private readonly handler: TicketHandler,
    private readonly concurrency: number,
  ) {}

  onApplicationBootstrap(): void {
    channel.on(topic, this.take);
  }

  async beforeApplicationShutdown(): Promise<void> {
    channel.off(topic, this.take);
    this.waiting.length = 0;
    await Promise.all(this.running);
  }

  private fill(): void {
    while (this.running.size < this.concurrency) {
      const job = this.waiting.shift();
      if (job === undefined) return;
      const done = this.handler.handle(job.tasks).finally(() => {
        this.running.delete(done);
        this.fill();
      });
      this.running.add(done);
    }
  }
}
