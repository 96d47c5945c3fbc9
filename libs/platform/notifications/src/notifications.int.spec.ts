import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { INestMicroservice } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { startRedis } from '@sluice/platform-local-servers';
import { eventually } from '@sluice/testing';
import { EVENTS_APPENDED, type EventsAppended, Notifications, NotificationsModule, notificationTransport } from './notifications.module.js';

const heard: EventsAppended[] = [];

@Controller()
class Listener {
  @EventPattern(EVENTS_APPENDED)
  hear(@Payload() hint: EventsAppended): void {
    heard.push(hint);
  }
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

  it('of which nobody hears do no harm', () => {
    notifications.emit('domain-event.nobody', { commitId: 3, tenants: [], types: [] });
  });
});
