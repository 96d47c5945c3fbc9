import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@sluice/testing';
import { Queue } from 'bullmq';
import type { ChaosCase } from '../case.ts';
import type { System } from '../system.ts';
import { deliveryOf } from '../tenant.ts';
import { assertNoneRefused, callsOf, completed, completedRuns, tenantOf, urlOf } from './tools.ts';

/** Restarts Redis with other settings, once what it keeps was changed. */
async function restartRedis(system: System, settings: Record<string, string>, meanwhile: () => void = () => {}): Promise<void> {
  await system.redis.kill();
  meanwhile();
  await system.redis.start(settings);
}

const withQueue = async <T>(system: System, work: (queue: Queue) => Promise<T>): Promise<T> =>
  system.onRedis(async (redis) => {
    const queue = new Queue('workflow-node-execution', { connection: redis.duplicate({ maxRetriesPerRequest: null }), prefix: '{sluice}' });
    try {
      return await work(queue);
    } finally {
      await queue.close();
    }
  });

const keptOnDisk = { appendonly: 'yes', appendfsync: 'always', 'aof-use-rdb-preamble': 'no' };

export const redisCases: readonly ChaosCase[] = [
  {
    id: 'R-01',
    title: 'FLUSHALL every 5 s during 10 000 deliveries: no call is refused, each runs once to its end',
    run: async (system) => {
      const before = system.ledger.entries.length;
      let sending = true;
      const flushing = (async () => {
        while (sending) {
          await sleep(5_000);
          await system.flushRedis();
        }
      })();
      const deliveries = system.tenants.flatMap((tenant) => system.load.make(tenant, 5_000, ['plain', 'plain', 'plain', 'call', 'wait']));
      await system.load.sendAll(deliveries, 32);
      await system.quiesce(300_000);
      sending = false;
      await flushing;
      assertNoneRefused(system, before);
    },
  },
  {
    id: 'R-02',
    title: 'Redis is killed, stays away for a minute and comes back empty: gateways go on acknowledging, runs go on, nobody is restarted',
    run: async (system) => {
      const before = system.ledger.entries.length;
      const pids = JSON.stringify(system.services.processes.map(({ pid }) => pid));
      const load = system.load.begin(system.tenants, { perSecond: 40 });
      await sleep(1_000);
      await system.redis.kill();
      const atFirst = await completedRuns(system);
      await sleep(30_000);
      assert.ok((await completedRuns(system)) > atFirst, 'without Redis nothing was run');
      await sleep(30_000);
      await system.redis.start();
      await load.stop();
      assertNoneRefused(system, before);
      assert.equal(JSON.stringify(system.services.processes.map(({ pid }) => pid)), pids);
      // Tickets travel again: what comes now runs at once.
      const delivery = deliveryOf(tenantOf(system), 'plain', 'after');
      await system.quiesce();
      await system.load.send(delivery);
      await completed(system, delivery, 10_000);
    },
  },
  {
    id: 'R-03',
    title: 'Redis is away as every app starts: they start, and work is done by polling',
    run: async (system) => {
      await system.redis.kill();
      for (const app of system.apps) await system.services.kill(app, 'SIGTERM');
      for (const app of Object.keys(system.services.urls)) system.services.launch(app);
      await Promise.all(Object.keys(system.services.urls).map((app) => system.services.ready(app)));
      const deliveries = system.load.make(tenantOf(system), 40);
      await system.load.sendAll(deliveries);
      for (const delivery of deliveries.filter(({ route }) => route !== 'once')) await completed(system, delivery);
      await system.redis.start();
    },
  },
  {
    id: 'R-04',
    title: 'the end of Redis’ file is cut off, or its middle is broken: it starts, or is wiped; never is data mended by hand',
    run: async (system) => {
      const folder = join(system.redisFolder, 'appendonlydir');
      await restartRedis(system, keptOnDisk);
      const load = system.load.begin(system.tenants, { perSecond: 60 });
      await sleep(3_000);
      const fileOf = () =>
        join(folder, /file (\S+\.incr\.aof) /.exec(readFileSync(join(folder, 'appendonly.aof.manifest'), 'utf8'))?.[1] ?? '');
      await restartRedis(system, keptOnDisk, () => truncateSync(fileOf(), readFileSync(fileOf()).length - 7));
      await sleep(2_000);
      await system.redis.kill();
      const bytes = readFileSync(fileOf());
      bytes.fill('x', Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 40);
      writeFileSync(fileOf(), bytes);
      await assert.rejects(system.redis.start(keptOnDisk), 'it started with a broken file');
      await system.redis.start(); // without the file
      await load.stop();
    },
  },
  {
    id: 'R-05',
    title: 'Redis comes back with what it held minutes ago: old tickets claim nothing, no effect is repeated',
    run: async (system) => {
      const file = join(system.redisFolder, 'dump.rdb');
      const load = system.load.begin(system.tenants, { perSecond: 60 });
      for (const app of ['execution-worker', 'execution-worker-2']) system.signal(app, 'SIGSTOP');
      await sleep(2_000);
      await system.onRedis((redis) => redis.save());
      copyFileSync(file, `${file}.old`);
      for (const app of ['execution-worker', 'execution-worker-2']) system.signal(app, 'SIGCONT');
      await sleep(8_000);
      await load.stop();
      await system.quiesce();
      const callsBefore = [...system.stub.calls.values()].reduce((sum, { times }) => sum + times, 0);
      await restartRedis(system, {}, () => copyFileSync(`${file}.old`, file));
      rmSync(file);
      await eventually(() => withQueue(system, async (queue) => (await queue.getWaitingCount()) + (await queue.getActiveCount()) === 0), {
        timeoutMs: 90_000,
        everyMs: 500,
      });
      assert.equal(
        [...system.stub.calls.values()].reduce((sum, { times }) => sum + times, 0),
        callsBefore,
      );
    },
  },
  {
    id: 'R-07',
    title: 'Redis is full and refuses to write: gateways are not affected, and tickets travel again when there is room',
    run: async (system) => {
      const before = system.ledger.entries.length;
      const load = system.load.begin(system.tenants, { perSecond: 40 });
      await system.onRedis((redis) => redis.config('SET', 'maxmemory', '1mb'));
      await sleep(10_000);
      await system.onRedis((redis) => redis.config('SET', 'maxmemory', '0'));
      await load.stop();
      assertNoneRefused(system, before);
    },
  },
  {
    id: 'R-09',
    title: 'connections to Redis go half-open, without a word: consumption resumes within 15 s of their return, by new connections',
    run: async (system) => {
      const load = system.load.begin(system.tenants, { perSecond: 30 });
      await sleep(1_000);
      system.redisProxy.set({ swallow: true });
      await sleep(20_000);
      system.redisProxy.set({ swallow: false });
      await load.stop();
      await eventually(
        async () => {
          const delivery = deliveryOf(tenantOf(system), 'plain', 'ear');
          await system.load.send(delivery);
          await completed(system, delivery, 500); // by a ticket: polling begins after a second
        },
        { timeoutMs: 20_000, everyMs: 500 },
      );
    },
  },
  {
    id: 'R-10',
    title: 'Redis is half a second away, then stands still for 5 s: nothing is doubled, and nothing piles up',
    run: async (system) => {
      const before = system.ledger.entries.length;
      const load = system.load.begin(system.tenants, { perSecond: 40 });
      system.redisProxy.set({ latencyMs: 500 });
      await sleep(8_000);
      for (let n = 0; n < 2; n += 1) {
        process.kill(system.redis.pid, 'SIGSTOP');
        await sleep(5_000);
        process.kill(system.redis.pid, 'SIGCONT');
        await sleep(1_000);
      }
      await load.stop();
      assertNoneRefused(system, before);
    },
  },
  {
    id: 'R-11',
    title: 'each ticket comes five times, in any order, some much later: each effect is performed once',
    run: async (system) => {
      const load = system.load.begin(system.tenants, { perSecond: 40 });
      const kept: { tasks: unknown }[] = [];
      const { random } = system.options;
      for (const end = Date.now() + 15_000; Date.now() < end; await sleep(200)) {
        await withQueue(system, async (queue) => {
          const jobs = await queue.getJobs(['completed', 'active', 'waiting'], 0, 40);
          kept.push(...jobs.flatMap(({ data }) => (data === undefined ? [] : [data])));
          const again = Array.from({ length: 5 * jobs.length }, () => kept[Math.floor(random() * kept.length)]);
          await queue.addBulk(
            again.map((data, n) => ({ name: 'tasks', data, opts: { jobId: `again-${Date.now()}-${n}`, removeOnComplete: true } })),
          );
        });
      }
      await load.stop();
      await system.quiesce();
      for (const call of system.stub.calls.values()) if (call.path === '/count') assert.ok(call.times <= 1);
    },
  },
  {
    id: 'R-12',
    title: 'tickets that somebody forged do nothing, and neither do jobs that are none',
    run: async (system) => {
      const delivery = deliveryOf(tenantOf(system), 'wait', 'real');
      await system.load.sendUntilAcknowledged(delivery);
      await withQueue(system, (queue) =>
        queue.addBulk(
          [
            { tasks: [{ id: 1e15, gen: 1 }] },
            { tasks: [{ id: -1, gen: 1 }, { id: '7', gen: 1 }, { id: { $gt: 0 }, gen: 1 }, { id: 7, gen: 99 }, null] },
            { tasks: 'all' },
            'x'.repeat(2_000_000),
            null,
          ].map((data, n) => ({ name: 'tasks', data, opts: { jobId: `forged-${n}`, removeOnComplete: true } })),
        ),
      );
      await eventually(() => withQueue(system, async (queue) => (await queue.getWaitingCount()) === 0), {
        timeoutMs: 60_000,
        everyMs: 100,
      });
      await completed(system, delivery);
    },
  },
  {
    id: 'R-15',
    title: 'BullMQ gives a job up as stalled: its task is finished by the sweeps',
    run: async (system) => {
      await system.services.kill('execution-worker-2', 'SIGTERM');
      await system.withFailpoints('execution-worker', 'wrk.after_claim:hang:1');
      const delivery = deliveryOf(tenantOf(system), 'call', 'stalled');
      await system.load.sendUntilAcknowledged(delivery);
      await sleep(500);
      await withQueue(system, async (queue) => {
        for (const job of await queue.getJobs(['active'])) await job.remove().catch(() => {});
      });
      await system.kill9('execution-worker');
      for (const app of ['execution-worker', 'execution-worker-2']) await system.services.restart(app);
      await completed(system, delivery);
      assert.deepEqual(await callsOf(system, delivery), [1]);
      assert.ok((await fetch(`${urlOf(system, 'execution-worker')}/readyz`)).ok);
    },
  },
];
