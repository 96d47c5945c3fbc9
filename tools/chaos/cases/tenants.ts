import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@sluice/testing';
import type { ChaosCase } from '../case.ts';
import type { System } from '../system.ts';
import { deliveryOf } from '../tenant.ts';
import { completed, tenantOf } from './tools.ts';

const backlog = 50_000;
/** What Redis may hold more than at rest, whatever waits in Postgres */
const redisBytesMore = 16 * 1024 * 1024;

export const tenantCases: readonly ChaosCase[] = [
  {
    id: 'T-15',
    title: `one tenant has ${backlog} tasks waiting: Redis stays small, and what another one sends meanwhile ends before that backlog does`,
    run: async (system) => {
      const [flooding, neighbour] = [tenantOf(system, 0), tenantOf(system, 1)];
      const workers = system.apps.filter((app) => app.startsWith('execution-worker'));
      const before = await redisBytes(system);
      let most = before;
      let over = false;
      const watching = (async () => {
        for (; !over; await sleep(500)) most = Math.max(most, await redisBytes(system));
      })();

      for (const app of workers) system.signal(app, 'SIGSTOP');
      await system.load.sendAll(system.load.make(flooding, backlog, ['plain']), 32);
      assert.ok((await waitingOf(system, flooding.id)) >= backlog, 'the backlog is not there');
      for (const app of workers) system.signal(app, 'SIGCONT');

      const leftBehind: number[] = [];
      while ((await waitingOf(system, flooding.id)) > backlog / 5) {
        const delivery = deliveryOf(neighbour, 'call', `n${leftBehind.length}`);
        await system.load.sendUntilAcknowledged(delivery);
        await completed(system, delivery);
        leftBehind.push(await waitingOf(system, flooding.id));
      }
      assert.ok(leftBehind.length >= 10, `only ${leftBehind.length} of the neighbour’s runs ended while the backlog drained`);
      assert.ok(
        (leftBehind[2] ?? 0) > backlog / 2,
        `half of the backlog went before the neighbour’s third run: ${leftBehind.slice(0, 5).join(', ')} left`,
      );

      await eventually(async () => assert.equal(await waitingOf(system, flooding.id), 0), { timeoutMs: 300_000, everyMs: 500 });
      over = true;
      await watching;
      assert.ok(most - before < redisBytesMore, `Redis held ${most} bytes, ${before} at rest`);
      await system.quiesce(120_000);
      return `Redis held ${mebibytes(most)} MiB at most, ${mebibytes(before)} at rest; ${leftBehind.length} runs of the neighbour ended meanwhile`;
    },
  },
];

async function waitingOf({ command }: System, tenantId: string): Promise<number> {
  const { rows } = await command.query<{ n: number }>('SELECT count(*)::int AS n FROM tasks WHERE tenant_id = $1', [tenantId]);
  return rows[0]?.n ?? 0;
}

const mebibytes = (bytes: number): string => (bytes / 1024 ** 2).toFixed(1);

const redisBytes = (system: System): Promise<number> =>
  system.onRedis(async (redis) => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]));
