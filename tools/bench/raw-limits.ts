import { type Job, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type pg from 'pg';

/** Commits a second of one connection that inserts one small row at a time: what the disk and Postgres give without grouping. */
export async function commitsPerSecond(client: pg.Client, forMs: number): Promise<number> {
  await client.query('CREATE TABLE IF NOT EXISTS raw_commits (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text)');
  const began = performance.now();
  let commits = 0;
  for (; performance.now() - began < forMs; commits += 1) {
    await client.query({ name: 'raw-commit', text: 'INSERT INTO raw_commits (note) VALUES ($1)', values: ['a commit of its own'] });
  }
  return commits / ((performance.now() - began) / 1_000);
}

const jobsPerBulk = 100;
const concurrency = 32;

/** BullMQ jobs that do nothing, a second: from the first `addBulk` until the last is completed, producer and worker in this process. */
export async function jobsPerSecond(redisUrl: string, jobs: number): Promise<number> {
  const connections = [new Redis(redisUrl), new Redis(redisUrl, { maxRetriesPerRequest: null })] as const;
  const name = `noop-${Date.now()}`;
  const queue = new Queue(name, { connection: connections[0], prefix: '{bench}' });
  let completed = 0;
  const { promise: allCompleted, resolve } = Promise.withResolvers<void>();
  const worker = new Worker(name, async (_job: Job) => {}, {
    connection: connections[1],
    prefix: '{bench}',
    concurrency,
    removeOnComplete: { count: 0 },
  });
  worker.on('completed', () => {
    completed += 1;
    if (completed === jobs) resolve();
  });
  try {
    await worker.waitUntilReady();
    const began = performance.now();
    for (let added = 0; added < jobs; added += jobsPerBulk) {
      await queue.addBulk(Array.from({ length: Math.min(jobsPerBulk, jobs - added) }, () => ({ name: 'noop', data: {} })));
    }
    await allCompleted;
    return jobs / ((performance.now() - began) / 1_000);
  } finally {
    await worker.close();
    await queue.obliterate({ force: true });
    await queue.close();
    for (const connection of connections) connection.disconnect();
  }
}
