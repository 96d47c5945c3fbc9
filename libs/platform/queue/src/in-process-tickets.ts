import { EventEmitter } from 'node:events';
import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { inJobs, type TaskTicket, TicketHandler, type TicketJob, Tickets, type Way, ways } from './tickets.js';

const channel = new EventEmitter().setMaxListeners(0);
const topic = 'tickets';
const consumers = new Set<InProcessConsumer>();
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

  /** They lie with whoever takes them. */
  waiting(): Promise<number> {
    return Promise.resolve([...consumers].reduce((sum, { waiting }) => sum + waiting, 0));
  }
}

/** Takes tickets, a bounded number of jobs at a time on each way; beyond the bound they are left to the sweeps. */
@Injectable()
export class InProcessConsumer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly jobs: Readonly<Record<Way, TicketJob[]>> = { main: [], express: [] };
  private readonly running: Readonly<Record<Way, Set<Promise<void>>>> = { main: new Set(), express: new Set() };
  private readonly take = (job: TicketJob): void => {
    const jobs = this.jobs[job.way];
    const place = jobs.findLastIndex(({ priority }) => priority >= job.priority) + 1;
    if (jobs.length < jobsWaitingMax) jobs.splice(place, 0, job);
    this.fill(job.way);
  };

  constructor(
    private readonly handler: TicketHandler,
    private readonly concurrency: Readonly<Record<Way, number>>,
  ) {}

  /** Tickets that were not begun yet. */
  get waiting(): number {
    return ways.flatMap((way) => this.jobs[way]).reduce((sum, { tasks }) => sum + tasks.length, 0);
  }

  onApplicationBootstrap(): void {
    channel.on(topic, this.take);
    consumers.add(this);
  }

  async beforeApplicationShutdown(): Promise<void> {
    channel.off(topic, this.take);
    consumers.delete(this);
    for (const way of ways) this.jobs[way].length = 0;
    await Promise.all(ways.flatMap((way) => [...this.running[way]]));
  }

  private fill(way: Way): void {
    const running = this.running[way];
    while (running.size < this.concurrency[way]) {
      const job = this.jobs[way].shift();
      if (job === undefined) return;
      const done = this.handler.handle(job.tasks).finally(() => {
        running.delete(done);
        this.fill(way);
      });
      running.add(done);
    }
  }
}
