import 'reflect-metadata';
import { type INestApplicationContext, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { startRedis } from '@sluice/platform-local-servers';
import { createLogger } from '@sluice/platform-telemetry';
import { eventually, startProxy, testRedisUrl } from '@sluice/testing';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { QUEUE_PREFIX } from './bull-tickets.js';
import { TicketConsumerModule, TicketsModule } from './queue.module.js';
import { QUEUE_NAMES, type TaskTicket, TicketHandler, Tickets } from './tickets.js';

@Injectable()
class Collector extends TicketHandler {
  readonly taken: TaskTicket[] = [];
  hold: Promise<void> = Promise.resolve();

  override async handle(tickets: readonly TaskTicket[]): Promise<void> {
    this.taken.push(...tickets);
    await this.hold;
  }
}

@Module({ providers: [Collector, { provide: TicketHandler, useExisting: Collector }], exports: [TicketHandler, Collector] })
class CollectorModule {}

const connected = (tickets: Tickets) =>
  eventually(async () => {
    if ((await tickets.keeper()) === undefined) throw new Error('nobody keeps tickets yet');
  });

describe.each([
  ['in process', () => Promise.resolve(undefined)],
  ['on Redis', () => testRedisUrl()],
])('tickets %s', (_name, urlOf) => {
  let app: INestApplicationContext;
  let tickets: Tickets;
  let collector: Collector;
  let redisUrl: string | undefined;

  beforeAll(async () => {
    redisUrl = await urlOf();
    const logger = createLogger('test', 'silent');
    const consumer = TicketConsumerModule.forRoot({ redisUrl, concurrency: { main: 2, express: 2 }, logger, imports: [CollectorModule] });
    app = await NestFactory.createApplicationContext(
      { module: class Root {}, imports: [TicketsModule.forRoot({ redisUrl }), consumer] },
      { logger: false },
    );
    await app.init();
    tickets = app.get(Tickets);
    collector = app.get(Collector);
    await connected(tickets);
  });

  afterAll(async () => app?.close());

  it('are taken, many to a job', async () => {
    const issued = Array.from({ length: 250 }, (_, n) => ({ id: n + 1, gen: 1 }));
    expect(await tickets.issue(issued)).toBe(true);
    await eventually(async () => expect([...collector.taken].sort((a, b) => a.id - b.id)).toEqual(issued));
  });

  it('are taken again under a new generation', async () => {
    await tickets.issue([{ id: 7, gen: 2 }]);
    await eventually(async () => expect(collector.taken).toContainEqual({ id: 7, gen: 2 }));
  });

  it('know their keeper, and that it is the same one', async () => {
    expect(await tickets.keeper()).toBe(await tickets.keeper());
  });
});

describe('tickets on Redis', () => {
  let app: INestApplicationContext;
  let redis: Redis;
  let url: string;

  beforeAll(async () => {
    url = await testRedisUrl();
    redis = new Redis(url);
    app = await NestFactory.createApplicationContext(
      {
        module: class Root {},
        imports: [
          TicketsModule.forRoot({ redisUrl: url }),
          TicketConsumerModule.forRoot({
            redisUrl: url,
            concurrency: { main: 2, express: 2 },
            logger: createLogger('test', 'silent'),
            imports: [CollectorModule],
          }),
        ],
      },
      { logger: false },
    );
    await app.init();
    await connected(app.get(Tickets));
  });

  afterAll(async () => {
    await app?.close();
    await redis?.quit();
  });

  it('R-01: another keeper tells that all of them were lost, and new ones go on', async () => {
    const tickets = app.get(Tickets);
    const before = await tickets.keeper();
    await redis.flushdb();
    expect(await tickets.keeper()).not.toBe(before);
    await tickets.issue([{ id: 4_711, gen: 1 }]);
    await eventually(async () => expect(app.get(Collector).taken).toContainEqual({ id: 4_711, gen: 1 }));
  });

  it('R-12 R-13: what is not a ticket is left out', async () => {
    const queue = new Queue(QUEUE_NAMES.main, { connection: redis, prefix: QUEUE_PREFIX });
    await queue.add('tasks', {
      tasks: [{ id: '1', gen: 1 }, { id: -1, gen: 1 }, { id: 1e300, gen: 1 }, { id: {} }, 'x', null, { id: 4_712, gen: 3 }],
    });
    await queue.add('tasks', 'not even an object');
    await queue.close();
    await eventually(async () => expect(await app.get(Tickets).waiting()).toBe(0));
    await eventually(async () => expect(app.get(Collector).taken).toContainEqual({ id: 4_712, gen: 3 }));
    expect(app.get(Collector).taken.every(({ id, gen }) => Number.isSafeInteger(id) && Number.isSafeInteger(gen))).toBe(true);
  });
});

it('R-15: a job that BullMQ gave up as stalled is a ticket lost: the next one for its task is taken', async () => {
  const redisUrl = await testRedisUrl();
  const issuer = await NestFactory.createApplicationContext(
    { module: class Issuer {}, imports: [TicketsModule.forRoot({ redisUrl })] },
    { logger: false },
  );
  const tickets = issuer.get(Tickets);
  await connected(tickets);
  const redis = new Redis(redisUrl);
  const queue = new Queue(QUEUE_NAMES.main, { connection: redis, prefix: QUEUE_PREFIX });

  // It takes the job and says nothing more of it; who is given it next finds that it was given up.
  const deaf = new Worker(QUEUE_NAMES.main, () => new Promise(() => {}), {
    connection: { url: redisUrl, maxRetriesPerRequest: null },
    prefix: QUEUE_PREFIX,
    lockDuration: 200,
    stalledInterval: 100,
    maxStalledCount: 0,
    skipLockRenewal: true,
    concurrency: 2,
  });
  deaf.on('error', () => {});
  await tickets.issue([{ id: 4_713, gen: 1 }]);
  await eventually(async () =>
    expect(await queue.getFailed()).toMatchObject([{ id: 't4713-1', failedReason: expect.stringContaining('stalled') }]),
  );
  await deaf.close(true);

  const consumer = TicketConsumerModule.forRoot({
    redisUrl,
    concurrency: { main: 2, express: 1 },
    logger: createLogger('test', 'silent'),
    imports: [CollectorModule],
  });
  const app = await NestFactory.createApplicationContext({ module: class Consumers {}, imports: [consumer] }, { logger: false });
  const { taken } = app.get(Collector);
  await tickets.issue([{ id: 4_713, gen: 1 }]);
  await tickets.issue([{ id: 4_713, gen: 2 }]);
  await eventually(() => expect(taken).toEqual([{ id: 4_713, gen: 2 }]));
  await app.close();
  await queue.close();
  await redis.quit();
  await issuer.close();
});

it('R-09: connections that went deaf are noticed within 15 s, and tickets travel again by new ones', async () => {
  const redis = await startRedis();
  const proxy = await startProxy({ target: { host: '127.0.0.1', port: Number(new URL(redis.url).port) } });
  const redisUrl = `redis://127.0.0.1:${proxy.port}`;
  const consumer = TicketConsumerModule.forRoot({
    redisUrl,
    concurrency: { main: 2, express: 1 },
    logger: createLogger('test', 'silent'),
    imports: [CollectorModule],
  });
  const app = await NestFactory.createApplicationContext(
    { module: class Root {}, imports: [TicketsModule.forRoot({ redisUrl }), consumer] },
    { logger: false },
  );
  await app.init();
  const tickets = app.get(Tickets);
  const { taken } = app.get(Collector);
  await connected(tickets);
  await tickets.issue([{ id: 1, gen: 1 }]);
  await eventually(() => expect(taken).toHaveLength(1));

  proxy.deafen();
  expect(await tickets.issue([{ id: 2, gen: 1 }])).toBe(false);
  let gen = 1;
  await eventually(
    async () => {
      gen += 1;
      expect(await tickets.issue([{ id: 2, gen }])).toBe(true);
      await eventually(() => expect(taken).toContainEqual({ id: 2, gen }), { timeoutMs: 500 });
    },
    { timeoutMs: 15_000 },
  );
  await app.close();
  await proxy.stop();
  await redis.stop();
}, 40_000);

it('R-03: without Redis nothing is placed, and nothing hangs', async () => {
  const app = await NestFactory.createApplicationContext(
    { module: class Root {}, imports: [TicketsModule.forRoot({ redisUrl: 'redis://127.0.0.1:1' })] },
    { logger: false },
  );
  const tickets = app.get(Tickets);
  expect(await tickets.issue([{ id: 1, gen: 1 }])).toBe(false);
  expect(await tickets.keeper()).toBeUndefined();
  expect(await tickets.waiting()).toBe(0);
  await app.close();
});

it('R-02: an app stops although its Redis is gone, and does not wait for it', async () => {
  const redis = await startRedis();
  const logger = createLogger('test', 'silent');
  const consumer = TicketConsumerModule.forRoot({
    redisUrl: redis.url,
    concurrency: { main: 2, express: 1 },
    logger,
    imports: [CollectorModule],
  });
  const app = await NestFactory.createApplicationContext(
    { module: class Root {}, imports: [TicketsModule.forRoot({ redisUrl: redis.url }), consumer] },
    { logger: false },
  );
  await app.init();
  await connected(app.get(Tickets));
  await app.get(Tickets).issue([{ id: 1, gen: 1 }]);
  const held = Promise.withResolvers<void>();
  app.get(Collector).hold = held.promise;
  await app.get(Tickets).issue([{ id: 2, gen: 1 }]);
  await eventually(() => expect(app.get(Collector).taken).toHaveLength(2));
  await redis.stop();
  const closed = app.close();
  held.resolve();
  await closed;
}, 10_000);
