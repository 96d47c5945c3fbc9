import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { INestMicroservice } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { startRedis } from '@sluice/platform-local-servers';
import { eventually } from '@sluice/testing';
import { register } from 'prom-client';
import { NEVER, throwError } from 'rxjs';
import { hear } from './hear.js';
import { EVENTS_APPENDED, type EventsAppended, Notifications, NotificationsModule, notificationTransport } from './notifications.module.js';

const heard: EventsAppended[] = [];

@Controller()
class Listener {
  @EventPattern(EVENTS_APPENDED)
  hear(@Payload() hint: EventsAppended): void {
    heard.push(hint);
  }

  /** On the same pattern: the other one hears all the same. */
  @EventPattern(EVENTS_APPENDED)
  neverEnd(_hint: unknown): Promise<void> {
    return new Promise(() => {});
  }

  @EventPattern('throws.at-once')
  throwAtOnce(_hint: unknown): void {
    throw new Error('at once');
  }

  @EventPattern('rejects.later')
  async rejectLater(_hint: unknown): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 5));
    throw new Error('later');
  }

  @EventPattern('streams.an-error')
  streamAnError(_hint: unknown): unknown {
    return throwError(() => new Error('in a stream'));
  }
}

async function failuresOf(pattern: string, how = 'failed'): Promise<number> {
  const counted = await register.getSingleMetric('sluice_notification_failures_total')?.get();
  return counted?.values.find(({ labels }) => labels['pattern'] === pattern && labels['how'] === how)?.value ?? 0;
}

@Module({ controllers: [Listener] })
class ListenerModule {}

type Redis = Awaited<ReturnType<typeof startRedis>>;

// A Redis of its own: publish and subscribe know no database numbers.
describe.each([
  ['in process', false],
  ['on Redis', true],
])('notifications %s', (_name, onRedis) => {
  let redis: Redis | undefined;
  let listener: INestMicroservice;
  let notifications: Notifications;
  let close: () => Promise<void>;

  beforeAll(async () => {
    redis = onRedis ? await startRedis({}) : undefined;
    const config = { redisUrl: redis?.url };
    listener = await NestFactory.createMicroservice(ListenerModule, { ...notificationTransport(config), logger: false });
    await listener.listen();
    const app = await NestFactory.createApplicationContext(NotificationsModule.forRoot(config), { logger: false });
    notifications = app.get(Notifications);
    close = () => app.close();
  }, 60_000);

  afterAll(async () => {
    await close?.();
    await listener?.close();
    await redis?.stop();
  });

  it('are heard by who listens', async () => {
    const hint = { commitId: onRedis ? 2 : 1, tenants: ['t'], types: ['workflow.created'] };
    await eventually(async () => {
      notifications.emit(EVENTS_APPENDED, hint);
      expect(heard).toContainEqual(hint);
    });
  });

  it.each(['throws.at-once', 'rejects.later', 'streams.an-error'])(
    'F-32: a handler that %s is counted, and others hear on',
    async (pattern) => {
      const before = await failuresOf(pattern);
      await eventually(async () => {
        notifications.emit(pattern, { commitId: 0, tenants: [], types: [] });
        expect(await failuresOf(pattern)).toBeGreaterThan(before);
      });
      const hint = { commitId: onRedis ? 5 : 4, tenants: ['t'], types: [pattern] };
      await eventually(async () => {
        notifications.emit(EVENTS_APPENDED, hint);
        expect(heard).toContainEqual(hint);
      });
    },
  );

  it('of which nobody hears do no harm', () => {
    notifications.emit('domain-event.nobody', { commitId: 3, tenants: [], types: [] });
  });
});

it('F-32: a handler that never ends is counted as stuck, once, and said by its pattern', async () => {
  const said: string[] = [];
  void hear(
    'never.ends',
    () => new Promise(() => {}),
    {},
    {},
    (message) => said.push(message),
    5,
  );
  void hear(
    'never.ends.stream',
    () => NEVER,
    {},
    {},
    (message) => said.push(message),
    5,
  );
  await hear(
    'ends',
    () => 'at once',
    {},
    {},
    (message) => said.push(message),
    5,
  );
  await eventually(() => expect(said).toHaveLength(2));
  expect(said).toEqual(['A handler of never.ends has not ended within 5 ms.', 'A handler of never.ends.stream has not ended within 5 ms.']);
  expect([
    await failuresOf('never.ends', 'stuck'),
    await failuresOf('never.ends.stream', 'stuck'),
    await failuresOf('ends', 'stuck'),
  ]).toEqual([1, 1, 0]);
});
