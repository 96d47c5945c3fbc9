import 'reflect-metadata';
import { Controller, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import { freePort, type Redis as RedisServer, startRedis } from '@sluice/platform-local-servers';
import {
  EVENTS_APPENDED,
  type EventsAppended,
  Notifications,
  NotificationsModule,
  notificationTransport,
} from '@sluice/platform-notifications';
import { createLogger } from '@sluice/platform-telemetry';
import { eventually, startProxy, testFolder, type TestFolder } from '@sluice/testing';
import { Redis } from 'ioredis';
import { TicketConsumerModule, TicketsModule } from './queue.module.js';
import { type TaskTicket, TicketHandler, Tickets } from './tickets.js';

@Injectable()
class Collector extends TicketHandler {
  readonly taken: TaskTicket[] = [];

  override handle(tickets: readonly TaskTicket[]): Promise<void> {
    this.taken.push(...tickets);
    return Promise.resolve();
  }
}

@Module({ providers: [Collector, { provide: TicketHandler, useExisting: Collector }], exports: [TicketHandler, Collector] })
class CollectorModule {}

const heard: number[] = [];

@Controller()
class Listener {
  @EventPattern(EVENTS_APPENDED)
  appended(@Payload() { commitId }: EventsAppended): void {
    heard.push(commitId);
  }
}

/** Issues, takes, speaks and listens, as the five apps do among them; `warnings` is what the taking of tickets complained of. */
async function startApp(redisUrl: string) {
  const warnings: unknown[] = [];
  const logger = createLogger('test', 'silent');
  logger.warn = (told: unknown) => void warnings.push(told);
  const consumer = TicketConsumerModule.forRoot({ redisUrl, concurrency: { main: 2, express: 2 }, logger, imports: [CollectorModule] });
  @Module({ imports: [TicketsModule.forRoot({ redisUrl }), consumer, NotificationsModule.forRoot({ redisUrl })], controllers: [Listener] })
  class App {}
  const app = await NestFactory.createMicroservice(App, { ...notificationTransport({ redisUrl }), logger: false });
  await app.listen();
  return { app, tickets: app.get(Tickets), taken: app.get(Collector).taken, notifications: app.get(Notifications), warnings };
}

type Started = Awaited<ReturnType<typeof startApp>>;

/** As the sweeps do: what was not taken gets a ticket of a new generation, until it is. */
async function takenInTheEnd({ tickets, taken }: Started, ids: readonly number[], timeoutMs = 20_000): Promise<void> {
  let gen = 0;
  await eventually(
    async () => {
      gen += 1;
      const left = ids.filter((id) => taken.every((ticket) => ticket.id !== id));
      expect(await tickets.issue(left.map((id) => ({ id, gen, isExpress: id % 2 === 0, priority: (id % 3) - 1 })))).toBe(true);
      await eventually(() => expect([...new Set(taken.map(({ id }) => id))]).toEqual(expect.arrayContaining([...ids])), {
        timeoutMs: 1_000,
      });
    },
    { timeoutMs },
  );
}

const hears = ({ notifications }: Started, commitId: number) =>
  eventually(
    () => {
      notifications.emit(EVENTS_APPENDED, { commitId, tenants: [], types: [] });
      return heard.includes(commitId);
    },
    { timeoutMs: 20_000 },
  );

const range = (from: number, count: number) => Array.from({ length: count }, (_, n) => from + n);
const portOf = ({ url }: RedisServer) => Number(new URL(url).port);

async function ask<T>({ url }: RedisServer, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

let folder: TestFolder;
const servers: RedisServer[] = [];
const started = async (options: Parameters<typeof startRedis>[0]) => {
  const server = await startRedis({ dir: folder.path, ...options });
  servers.push(server);
  return server;
};

beforeAll(() => {
  folder = testFolder('redis');
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  folder.remove();
});

it('R-14: on a cluster tickets are issued and taken and notifications travel, without a CROSSSLOT', async () => {
  const nodes: RedisServer[] = [];
  const buses: number[] = [];
  for (let n = 0; n < 3; n += 1) {
    const [port, bus] = [await freePort(), await freePort()];
    buses.push(bus);
    nodes.push(
      await started({
        port,
        settings: { 'cluster-enabled': 'yes', 'cluster-port': String(bus), 'cluster-config-file': `nodes-${port}.conf` },
      }),
    );
  }
  const slots = [0, 5_461, 10_923, 16_384];
  for (const [n, node] of nodes.entries()) {
    await ask(node, async (redis) => {
      await redis.call('CLUSTER', 'ADDSLOTSRANGE', Number(slots[n]), Number(slots[n + 1]) - 1);
      for (const [m, other] of nodes.entries())
        if (m !== n) await redis.call('CLUSTER', 'MEET', '127.0.0.1', portOf(other), Number(buses[m]));
    });
  }
  for (const node of nodes) {
    await eventually(async () => expect(await ask(node, (redis) => redis.call('CLUSTER', 'INFO'))).toContain('cluster_state:ok'), {
      timeoutMs: 20_000,
    });
  }

  const app = await startApp(`redis+cluster://${nodes.map((node) => `127.0.0.1:${portOf(node)}`).join(',')}`);
  await eventually(async () => expect(await app.tickets.keeper()).toBeDefined());
  await takenInTheEnd(app, range(1, 300));
  expect(await app.tickets.waiting()).toBe(0);
  await hears(app, 1);
  expect(app.warnings).toEqual([]);

  // All of a queue's keys lie on one node; the others hold nothing of it.
  const keys = await Promise.all(nodes.map((node) => ask(node, (redis) => redis.dbsize())));
  expect(keys.filter((count) => count > 0)).toHaveLength(1);
  await app.app.close();
}, 60_000);

it('R-06: behind sentinels a replica takes over from a master that died, and work goes on', async () => {
  const master = await started({});
  const replica = await started({ settings: { 'repl-diskless-sync-delay': '0' } });
  await ask(replica, (redis) => redis.replicaof('127.0.0.1', portOf(master)));
  await eventually(async () => expect(await ask(replica, (redis) => redis.info('replication'))).toContain('master_link_status:up'));
  const sentinel = await started({
    sentinel: [
      `sentinel monitor tickets 127.0.0.1 ${portOf(master)} 1`,
      'sentinel down-after-milliseconds tickets 1000',
      'sentinel failover-timeout tickets 5000',
    ],
  });
  await eventually(async () => expect(await ask(sentinel, (redis) => redis.info('sentinel'))).toContain('slaves=1'), { timeoutMs: 20_000 });

  const app = await startApp(`redis+sentinel://127.0.0.1:${portOf(sentinel)}/tickets`);
  await eventually(async () => expect(await app.tickets.keeper()).toBeDefined());
  await takenInTheEnd(app, range(1_000, 50));
  await hears(app, 2);

  process.kill(master.pid, 'SIGKILL');
  await takenInTheEnd(app, range(2_000, 50), 30_000);
  await hears(app, 3);
  expect(await ask(replica, (redis) => redis.info('replication'))).toContain('role:master');
  await app.app.close();
}, 90_000);

it('R-06: a master that became a replica is left for the one that its address leads to now', async () => {
  const [first, second] = [await started({}), await started({})];
  const proxy = await startProxy({ target: { host: '127.0.0.1', port: portOf(first) } });
  const app = await startApp(`redis://127.0.0.1:${proxy.port}`);
  await eventually(async () => expect(await app.tickets.keeper()).toBeDefined());
  await takenInTheEnd(app, range(3_000, 10));

  await ask(first, (redis) => redis.replicaof('127.0.0.1', portOf(second)));
  proxy.leadNewTo({ host: '127.0.0.1', port: portOf(second) });
  expect(await app.tickets.issue([{ id: 3_500, gen: 1 }])).toBe(false);
  await takenInTheEnd(app, range(3_501, 10));
  expect(await ask(second, (redis) => redis.dbsize())).toBeGreaterThan(0);
  await app.app.close();
  await proxy.stop();
}, 60_000);
