import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import { freePort, startRedis } from '@sluice/platform-local-servers';
import { eventually, startProxy } from '@sluice/testing';
import { EVENTS_APPENDED, type EventsAppended, Notifications, NotificationsModule, notificationTransport } from './notifications.module.js';

const heard: number[] = [];

@Controller()
class Listener {
  @EventPattern(EVENTS_APPENDED)
  appended(@Payload() { commitId }: EventsAppended): void {
    heard.push(commitId);
  }
}

async function startListening(redisUrl: string) {
  @Module({ imports: [NotificationsModule.forRoot({ redisUrl })], controllers: [Listener] })
  class App {}
  const listener = await NestFactory.createMicroservice(App, { ...notificationTransport({ redisUrl }), logger: false });
  await listener.listen();
  return listener;
}

it('starts without Redis, hears once it is there, again after it was away, and stops without it', async () => {
  const port = await freePort();
  const app = await startListening(`redis://127.0.0.1:${port}`);
  const notifications = app.get(Notifications);
  const hears = (commitId: number) =>
    eventually(() => {
      notifications.emit(EVENTS_APPENDED, { commitId, tenants: [], types: [] });
      return heard.includes(commitId);
    });

  notifications.emit(EVENTS_APPENDED, { commitId: 1, tenants: [], types: [] });
  const first = await startRedis({ port });
  await hears(2);
  await first.stop();
  notifications.emit(EVENTS_APPENDED, { commitId: 3, tenants: [], types: [] });
  const second = await startRedis({ port });
  await hears(4);
  await second.stop();

  await app.close();
  expect(heard).not.toContain(3);
}, 60_000);

it('R-09: a connection that only listens and went deaf is noticed within 15 s, and hears again by a new one', async () => {
  const redis = await startRedis();
  const proxy = await startProxy({ target: { host: '127.0.0.1', port: Number(new URL(redis.url).port) } });
  const listener = await startListening(`redis://127.0.0.1:${proxy.port}`);
  const speaker = await NestFactory.createApplicationContext(NotificationsModule.forRoot({ redisUrl: redis.url }), { logger: false });
  const hears = (commitId: number, timeoutMs: number) =>
    eventually(
      () => {
        speaker.get(Notifications).emit(EVENTS_APPENDED, { commitId, tenants: [], types: [] });
        return heard.includes(commitId);
      },
      { timeoutMs },
    );
  await hears(11, 10_000);
  proxy.deafen();
  await hears(12, 15_000);
  await speaker.close();
  await listener.close();
  await proxy.stop();
  await redis.stop();
}, 40_000);
