import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { connectRedis, type RedisClient } from '@sluice/platform-redis';
import { Queue } from 'bullmq';
import { inJobs, QUEUE_NAMES, type TaskTicket, type TicketJob, Tickets, ticketsPerJob, type Way, ways } from './tickets.js';

/** Hash-tagged, so that every key of the queue lies on one node of a cluster. */
export const QUEUE_PREFIX = '{sluice}';
const sentinelKey = `${QUEUE_PREFIX}:keeper`;
const deadlineMs = 800;
const finishedJobsKept = { count: 1_000, age: 300 };

/**
 * Tickets as BullMQ jobs. `queue.add()` waits for ever when Redis is away and a Queue made then can stay broken: so the queue is made
 * when the connection is ready, commands fail at once when it is not, and every call has a deadline of its own.
 */
@Injectable()
export class BullTickets extends Tickets implements OnApplicationShutdown {
  private readonly redis: RedisClient;
  private readonly queues = new Map<Way, Queue>();

  constructor(redisUrl: string) {
    super();
    this.redis = connectRedis(redisUrl, { commandTimeoutMs: deadlineMs });
  }

  async issue(tickets: readonly TaskTicket[]): Promise<boolean> {
    if (this.redis.status !== 'ready') return false;
    const added = [...Map.groupBy(inJobs(tickets), ({ way }) => way)].map(([way, jobs]) => this.readyQueue(way).addBulk(jobs.map(jobOf)));
    return withinDeadline(Promise.all(added).then(() => true));
  }

  async keeper(): Promise<string | undefined> {
    if (this.redis.status !== 'ready') return undefined;
    const mark = crypto.randomUUID();
    // Whoever finds the key gone writes a new one: every worker then sees another keeper.
    return this.redis
      .multi()
      .set(sentinelKey, mark, 'NX')
      .get(sentinelKey)
      .exec()
      .then((replies) => replies?.[1]?.[1])
      .then((value) => (typeof value === 'string' ? value : undefined))
      .catch(() => undefined);
  }

  async waiting(): Promise<number> {
    if (this.redis.status !== 'ready') return 0;
    const jobs = await Promise.all(
      ways.map((way) =>
        this.readyQueue(way)
          .getJobCountByTypes('waiting', 'prioritized')
          .catch(() => 0),
      ),
    );
    return jobs.reduce((sum, count) => sum + count, 0) * ticketsPerJob;
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([...this.queues.values()].map((queue) => queue.close().catch(() => {})));
    this.redis.disconnect();
  }

  private readyQueue(way: Way): Queue {
    const known = this.queues.get(way);
    if (known !== undefined) return known;
    const queue = new Queue(QUEUE_NAMES[way], { connection: this.redis, prefix: QUEUE_PREFIX, skipVersionCheck: true });
    queue.on('error', () => {});
    this.queues.set(way, queue);
    return queue;
  }
}

const jobOf = ({ tasks, priority }: TicketJob) => ({
  name: 'tasks',
  data: { tasks },
  opts: {
    jobId: `t${tasks[0]?.id}-${tasks[0]?.gen}`,
    attempts: 1,
    removeOnComplete: finishedJobsKept,
    removeOnFail: finishedJobsKept,
    // BullMQ takes jobs without a priority before all that have one, and those of the other end before them.
    ...(priority > 0 && { lifo: true }),
    ...(priority < 0 && { priority: 1 }),
  },
});

async function withinDeadline(work: Promise<boolean>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), deadlineMs);
  try {
    return await Promise.race([work, late]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
