import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@sluice/testing';
import pg from 'pg';
import type { ChaosCase } from '../case.ts';
import type { System } from '../system.ts';
import { deliveryOf } from '../tenant.ts';
import { callsOf, completed, crashesOf, falseAcknowledgements, runsOf, tenantOf, urlOf } from './tools.ts';

const restarts = (how: 'fast' | 'immediate' | 'kill', times: number) => async (system: System) => {
  const load = system.load.begin(system.tenants, { perSecond: 40, conversations: 2 });
  const { random } = system.options;
  for (let n = 0; n < times; n += 1) {
    await sleep(1_000 + random() * 3_000);
    await system.postgres.stop(how);
    const down = Date.now();
    await sleep(random() * 4_000);
    const up = Date.now();
    assert.equal(falseAcknowledgements(system, down, up), 0, 'a call was answered 200 while Postgres was down');
    await system.postgres.start();
  }
  await system.heal();
  await load.stop();
  const statuses = Object.keys(system.ledger.refusals);
  assert.deepEqual(
    statuses.filter((status) => status !== '503'),
    [],
    `not only 503: ${statuses.join()}`,
  );
};

/** What a gateway answers to one call now. */
async function answerOf(system: System) {
  const { path, account } = tenantOf(system);
  const { headers, body } = deliveryOf(tenantOf(system), 'plain', account);
  const answer = await fetch(`${urlOf(system, 'webhook-gateway')}${path}`, { method: 'POST', headers, body });
  await answer.arrayBuffer();
  return answer;
}

async function asSuperuser<T>(system: System, database: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(system.postgres.url(database));
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

export const postgresCases: readonly ChaosCase[] = [
  {
    id: 'P-01',
    title: 'Postgres is restarted again and again: 503 with Retry-After while it is away, never a false 200',
    run: async (system) => {
      await system.postgres.stop('fast');
      const answer = await answerOf(system);
      assert.equal(answer.status, 503);
      assert.ok(Number(answer.headers.get('retry-after')) > 0);
      await system.postgres.start();
      await restarts('fast', 6)(system);
    },
  },
  {
    id: 'P-02',
    title: 'Postgres is stopped without a checkpoint, or killed: what was acknowledged is there after recovery',
    run: async (system) => {
      await restarts('immediate', 3)(system);
      await restarts('kill', 3)(system);
    },
  },
  {
    id: 'P-03',
    title: 'sessions of the apps are terminated, ten a second: transactions are repeated as a whole, pools heal',
    run: async (system) => {
      const load = system.load.begin(system.tenants, { perSecond: 40, conversations: 2 });
      for (const end = Date.now() + 15_000; Date.now() < end; await sleep(100)) {
        await system.command.query(
          `SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'sluice-%' ORDER BY random() LIMIT 1) a`,
        );
      }
      await load.stop();
    },
  },
  {
    id: 'P-04',
    title: 'the session ends in the middle of a commit of steps: nothing of it is there',
    run: async (system) => {
      await system.services.kill('execution-worker-2', 'SIGTERM');
      await system.withFailpoints('execution-worker', 'wrk.before_commit:sleep=3000:1');
      const delivery = deliveryOf(tenantOf(system), 'plain', 'half');
      await system.load.sendUntilAcknowledged(delivery);
      await eventually(async () => {
        const { rowCount } = await system.command.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%execution-worker' AND state = 'idle in transaction'`,
        );
        assert.ok((rowCount ?? 0) > 0);
      });
      assert.deepEqual(await runsOf(system, delivery), []);
      await completed(system, delivery);
    },
  },
  {
    id: 'P-05',
    title: 'commits fail with serialisation failures and deadlocks: each transaction is repeated as a whole, no event is doubled',
    run: async (system) => {
      const every = (name: string, code: string, n: number) => Array.from({ length: 40 }, (_, k) => `${name}:throw=${code}:${(k + 1) * n}`);
      await system.withFailpoints(
        'execution-worker',
        [...every('wrk.before_commit', '40001', 5), ...every('wrk.before_commit', '40P01', 7)].join(),
      );
      await system.withFailpoints('command-api', every('cmd.before_commit', '40001', 2).join());
      const load = system.load.begin(system.tenants, { perSecond: 40, conversations: 2 });
      await sleep(8_000);
      for (let n = 0; n < 10; n += 1) {
        const answer = await tenantOf(system).api.call('POST', `/api/workflows/${tenantOf(system).workflowId}/nodes/in/trigger`, {
          input: { text: 'plain' },
        });
        assert.ok(answer.status < 500, `a command was answered ${answer.status}`);
      }
      await load.stop();
    },
  },
  {
    id: 'P-06',
    title: 'somebody else takes every connection: gateways keep those that they have, nothing is lost, all recovers',
    run: async (system) => {
      const load = system.load.begin(system.tenants, { perSecond: 30 });
      const taken: pg.Client[] = [];
      for (;;) {
        const client = new pg.Client(system.postgres.url('sluice_command'));
        client.on('error', () => {});
        try {
          await client.connect();
        } catch {
          break;
        }
        taken.push(client);
      }
      assert.ok(taken.length > 20, `only ${taken.length} were free`);
      const acknowledgedBefore = system.ledger.counts.acknowledged;
      await sleep(8_000);
      assert.ok(system.ledger.counts.acknowledged > acknowledgedBefore, 'nothing was acknowledged meanwhile');
      for (const client of taken) await client.end();
      await load.stop();
    },
  },
  {
    id: 'P-08',
    title: 'the disk is full: 503 and nothing acknowledged, no process ends, and it goes on when there is room',
    run: async (system) => {
      await system.withFailpoints('webhook-gateway', 'gw.before_commit:throw=53100');
      await system.withFailpoints('execution-worker', 'wrk.before_commit:throw=53100');
      const acknowledged = await answerOf(system);
      assert.equal(acknowledged.status, 503);
      const load = system.load.begin(system.tenants, { perSecond: 20 });
      await sleep(5_000);
      for (const app of ['webhook-gateway', 'execution-worker']) {
        assert.notEqual(system.pidOf(app), undefined, `${app} has ended`);
        await system.services.kill(app, 'SIGTERM');
        await system.services.restart(app);
      }
      await load.stop();
    },
  },
  {
    id: 'P-09',
    title: 'locks are not given for longer than a statement may wait: 503 or another try, and then it goes on',
    run: async (system) => {
      const load = system.load.begin(system.tenants, { perSecond: 30 });
      for (const table of ['workflow_executions', 'tasks', 'webhook_events', 'event_head']) {
        await asSuperuser(system, 'sluice_command', async (client) => {
          await client.query('BEGIN');
          await client.query(`LOCK TABLE ${table} IN EXCLUSIVE MODE`);
          await sleep(6_000); // lock_timeout is 5 s
          await client.query('ROLLBACK');
        });
      }
      await load.stop();
      assert.equal(await crashesOf(system), 0);
    },
  },
  {
    id: 'P-10',
    title: 'a client keeps a run locked in an idle transaction: that run waits, all others go on',
    run: async (system) => {
      const [stuck, free] = [deliveryOf(tenantOf(system), 'call', 'stuck'), deliveryOf(tenantOf(system), 'call', 'free')];
      system.stub.hold();
      await system.load.sendUntilAcknowledged(stuck);
      await eventually(() => system.stub.waiting === 1);
      await asSuperuser(system, 'sluice_command', async (client) => {
        const [run] = await runsOf(system, stuck);
        await client.query(`SET idle_in_transaction_session_timeout = '15s'`);
        await client.query('BEGIN');
        await client.query('SELECT FROM workflow_executions WHERE id = $1 FOR UPDATE', [run?.id]);
        system.stub.release();
        await system.load.sendUntilAcknowledged(free);
        await completed(system, free, 14_000);
        assert.equal((await runsOf(system, stuck))[0]?.status, 'running');
        await sleep(16_000);
      });
      await completed(system, stuck);
    },
  },
  {
    id: 'P-11',
    title: 'a transaction that writes stays open in another database: the log’s tail is not delayed',
    run: async (system) => {
      await system.postgres.ensureDatabase('elsewhere');
      await asSuperuser(system, 'elsewhere', async (client) => {
        await client.query('CREATE TABLE IF NOT EXISTS t (n int)');
        await client.query('BEGIN');
        await client.query('INSERT INTO t VALUES (1)');
        await system.load.sendAll(system.load.make(tenantOf(system), 20, ['plain']));
        await system.quiesce(10_000);
        await client.query('ROLLBACK');
      });
    },
  },
  {
    id: 'P-13',
    title: 'each round trip to Postgres takes 200 ms: callers wait or are told to, memory stays flat, order is kept',
    run: async (system) => {
      system.postgresProxy.set({ latencyMs: 100 });
      const load = system.load.begin(system.tenants, { perSecond: 40, conversations: 3 });
      await sleep(20_000);
      system.postgresProxy.set({ latencyMs: 0 });
      await load.stop();
    },
  },
  {
    id: 'P-16',
    title:
      'both stores are copied row by row into new databases and the apps pointed at them: positions stay, the tail goes on, no effect is repeated',
    system: {},
    run: async (system) => {
      const deliveries = system.load.make(tenantOf(system), 60);
      await system.load.sendAll(deliveries);
      await system.quiesce();
      const callsBefore = await Promise.all(deliveries.map((delivery) => callsOf(system, delivery)));
      for (const app of system.apps) await system.services.kill(app, 'SIGTERM');
      await system.moveToNewDatabases();
      for (const app of Object.keys(system.services.urls)) system.services.launch(app);
      await Promise.all(Object.keys(system.services.urls).map((app) => system.services.ready(app)));
      await system.load.sendAll(system.load.make(tenantOf(system), 20));
      await system.quiesce();
      assert.deepEqual(await Promise.all(deliveries.map((delivery) => callsOf(system, delivery))), callsBefore);
    },
  },
  {
    id: 'P-18',
    title: 'the commit of one writer takes 3 s while thousands of others commit: its event comes, in its stream’s order',
    run: async (system) => {
      await system.withFailpoints('execution-worker', 'wrk.before_commit:sleep=3000:5');
      const load = system.load.begin(system.tenants, { perSecond: 150 });
      await sleep(8_000);
      await load.stop();
    },
  },
  {
    id: 'P-12',
    title: 'the primary is lost and its standby takes over: writes are 503 until it is promoted, reads go on, nothing acknowledged is lost',
    system: {},
    run: async (system) => {
      await system.load.sendAll(system.load.make(tenantOf(system), 50));
      await system.quiesce();
      const standby = await system.postgres.makeStandby(`${system.postgres.dataFolder}-standby`);
      // From now on a commit is one when the standby has it.
      await asSuperuser(system, 'postgres', async (client) => {
        await client.query(`ALTER SYSTEM SET synchronous_standby_names = '*'`);
        await client.query('SELECT pg_reload_conf()');
      });
      const load = system.load.begin(system.tenants, { perSecond: 30 });
      await sleep(3_000);
      await system.postgres.stop('kill');
      system.useDatabaseServer(standby);
      const { path } = tenantOf(system);
      const delivery = deliveryOf(tenantOf(system), 'plain', 'failover');
      await eventually(
        async () => {
          const answer = await fetch(`${urlOf(system, 'webhook-gateway')}${path}`, {
            method: 'POST',
            headers: delivery.headers,
            body: delivery.body,
          });
          await answer.arrayBuffer();
          assert.equal(answer.status, 503);
        },
        { timeoutMs: 20_000, everyMs: 200 },
      );
      await eventually(() => tenantOf(system).api.read('/api/workflows'), { timeoutMs: 20_000, everyMs: 200 });
      await asSuperuser(system, 'postgres', async (client) => {
        await client.query('SELECT pg_promote()');
      });
      await load.stop();
    },
  },
];
