import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@sluice/testing';
import type { ChaosCase } from '../case.ts';
import { isAcknowledged } from '../ledger.ts';
import type { System } from '../system.ts';
import { type Delivery, deliveryOf, type Route } from '../tenant.ts';
import { callsOf, completed, crashesOf, eventsOf, runsOf, tenantOf, urlOf } from './tools.ts';

const leaseMs = 30_000;

/** One worker alone is there, with these failpoints. */
async function onlyWorker(system: System, failpoints: string): Promise<void> {
  for (const app of system.apps.filter((name) => name.startsWith('execution-worker-'))) await system.services.kill(app, 'SIGTERM');
  await system.withFailpoints('execution-worker', failpoints);
}

async function restartWorkers(system: System): Promise<void> {
  const all = Object.keys(system.services.urls).filter((app) => app.startsWith('execution-worker'));
  for (const app of all) if (system.pidOf(app) === undefined) system.services.launch(app);
  await Promise.all(all.map((app) => system.services.ready(app)));
}

/** Kills the only worker at a failpoint while it runs one delivery, then lets others finish it. Returns the delivery. */
async function workerDiesAt(system: System, failpoint: string, route: Route): Promise<Delivery> {
  await onlyWorker(system, `${failpoint}:kill9:1`);
  const delivery = deliveryOf(tenantOf(system), route, 'dies');
  await system.load.sendUntilAcknowledged(delivery);
  await system.ended('execution-worker');
  return delivery;
}

/** 128 at once to one gateway, of which nobody waits for another's answer. */
async function burst(system: System, app: string, count = 128): Promise<Delivery[]> {
  const deliveries = system.load.make(tenantOf(system), count, ['plain']);
  await Promise.all(deliveries.map((delivery) => system.load.send(delivery, urlOf(system, app))));
  return deliveries;
}

export const processCases: readonly ChaosCase[] = [
  {
    id: 'F-01',
    title: 'a gateway dies with a call that it has read: nothing is recorded, and the redelivery is accepted once',
    run: async (system) => {
      await system.withFailpoints('webhook-gateway', 'gw.after_read:kill9:1');
      const delivery = deliveryOf(tenantOf(system), 'plain', 1);
      const entry = await system.load.send(delivery, urlOf(system, 'webhook-gateway'));
      assert.equal(entry.answers.at(-1)?.acknowledgement, 'unknown');
      assert.equal(await eventsOf(system, delivery), 0);
      assert.ok(isAcknowledged(await system.load.sendUntilAcknowledged(delivery)));
      await completed(system, delivery);
    },
  },
  {
    id: 'F-02',
    title: 'a gateway dies before the commit of a group: none of it is recorded, none was answered 200',
    run: async (system) => {
      // The first group lets the second gather.
      await system.withFailpoints('webhook-gateway', 'gw.before_commit:sleep=500:1,gw.before_commit:kill9:2');
      const deliveries = await burst(system, 'webhook-gateway');
      const lost = deliveries.filter((delivery) => !isAcknowledged(system.ledger.entryOf(delivery)));
      assert.ok(lost.length > 50, `only ${lost.length} of the group were under way`);
      const recorded = await Promise.all(lost.map((delivery) => eventsOf(system, delivery)));
      // Those of the first group may have been recorded without its answers having got out.
      assert.ok(recorded.filter((count) => count === 0).length > 50, 'the group that died was recorded');
      await system.load.sendAll(lost);
    },
  },
  {
    id: 'F-03',
    title: 'a gateway dies after the commit and before the answer: the redelivery finds the same event, which ran once',
    run: async (system) => {
      await system.withFailpoints('webhook-gateway', 'gw.after_commit:kill9:1');
      const delivery = deliveryOf(tenantOf(system), 'plain', 3);
      const entry = await system.load.send(delivery, urlOf(system, 'webhook-gateway'));
      assert.equal(entry.answers.at(-1)?.acknowledgement, 'unknown');
      assert.equal(await eventsOf(system, delivery), 1);
      await system.load.sendUntilAcknowledged(delivery);
      assert.equal(await eventsOf(system, delivery), 1);
      await completed(system, delivery);
    },
  },
  {
    id: 'F-04',
    title: 'a gateway dies half way through the answers of a group: each is recorded once',
    run: async (system) => {
      await system.withFailpoints('webhook-gateway', 'gw.before_ack:kill9:64');
      const deliveries = await burst(system, 'webhook-gateway');
      const lost = deliveries.filter((delivery) => !isAcknowledged(system.ledger.entryOf(delivery)));
      assert.ok(lost.length >= 60, `${lost.length} were not answered`);
      await system.load.sendAll(lost);
      for (const delivery of deliveries) assert.equal(await eventsOf(system, delivery), 1);
    },
  },
  {
    id: 'F-06',
    title: 'two gateways get the same 1000 deliveries at once in opposite order: each call is answered 200, each event is there once',
    run: async (system) => {
      const deliveries = system.load.make(tenantOf(system), 1_000, ['plain']);
      const sendThrough = async (app: string, these: readonly Delivery[]) => {
        const answers: boolean[] = [];
        for (let n = 0; n < these.length; n += 100) {
          const entries = await Promise.all(these.slice(n, n + 100).map((one) => system.load.send(one, urlOf(system, app))));
          answers.push(...entries.map(({ answers: all }) => all.every(({ acknowledgement }) => acknowledgement === 'acknowledged')));
        }
        return answers;
      };
      const [forwards, backwards] = await Promise.all([
        sendThrough('webhook-gateway', deliveries),
        sendThrough('webhook-gateway-2', deliveries.toReversed()),
      ]);
      assert.ok(
        [...(forwards ?? []), ...(backwards ?? [])].every(Boolean),
        `not all were answered 200: ${JSON.stringify(system.ledger.refusals)}`,
      );
      const { rowCount } = await system.command.query('SELECT FROM webhook_events WHERE dedupe_key = ANY ($1)', [
        deliveries.map(({ dedupeKey }) => dedupeKey),
      ]);
      assert.equal(rowCount, 1_000);
    },
  },
  {
    id: 'F-07',
    title: 'the connection is cut exactly as the commit passes: 503, and the redelivery meets the event that may be there',
    run: async (system) => {
      for (const when of ['before', 'after'] as const) {
        let cuts = 0;
        system.postgresProxy.cutWhen((chunk) => cuts === 0 && chunk.includes('ingest-deliveries') && ++cuts === 1, when);
        const delivery = deliveryOf(tenantOf(system), 'call', when);
        const entry = await system.load.send(delivery);
        assert.equal(cuts, 1, 'the commit did not pass');
        assert.equal(entry.answers.at(-1)?.status, 503);
        system.postgresProxy.cutWhen(undefined);
        await eventually(async () => assert.equal(await eventsOf(system, delivery), when === 'before' ? 0 : 1));
        await system.load.sendUntilAcknowledged(delivery);
        await completed(system, delivery);
        assert.deepEqual(await callsOf(system, delivery), [1]);
      }
    },
  },
  {
    id: 'F-10',
    title: 'a worker dies after it marked tasks as ticketed and before their tickets are out: they get others within 30 s and run once',
    run: async (system) => {
      await onlyWorker(system, 'disp.after_mark:kill9:1');
      const delivery = deliveryOf(tenantOf(system), 'wait', 1);
      await system.load.sendUntilAcknowledged(delivery);
      await system.ended('execution-worker');
      await restartWorkers(system);
      await completed(system, delivery, 45_000);
    },
  },
  {
    id: 'F-11',
    title: 'a worker dies after it issued tickets: whoever takes them, one claim wins',
    run: async (system) => {
      await onlyWorker(system, 'disp.after_add:kill9:1');
      const delivery = deliveryOf(tenantOf(system), 'wait', 1);
      await system.load.sendUntilAcknowledged(delivery);
      await system.ended('execution-worker');
      await restartWorkers(system);
      await completed(system, delivery);
    },
  },
  {
    id: 'F-12',
    title: 'a worker dies with a claim: the lease runs out, the crash is counted once, another worker finishes',
    run: async (system) => {
      const delivery = await workerDiesAt(system, 'wrk.after_claim', 'call');
      system.stub.hold();
      await restartWorkers(system);
      await eventually(() => system.stub.waiting === 1, { timeoutMs: leaseMs + 15_000, everyMs: 100 });
      assert.equal(await crashesOf(system), 1);
      system.stub.release();
      await completed(system, delivery);
      assert.deepEqual(await callsOf(system, delivery), [1]);
    },
  },
  {
    id: 'F-13',
    title: 'a worker dies in the middle of a step: none of it is seen, and the next attempt comes to the same',
    run: async (system) => {
      const delivery = await workerDiesAt(system, 'wrk.mid_slice', 'plain');
      assert.deepEqual(await runsOf(system, delivery), []);
      await restartWorkers(system);
      await completed(system, delivery);
    },
  },
  {
    id: 'F-14',
    title: 'a worker dies between the intent and the call: its successor makes it once, with the same key',
    run: async (system) => {
      const delivery = await workerDiesAt(system, 'wrk.after_intent', 'call');
      assert.deepEqual(await callsOf(system, delivery), [0]);
      await restartWorkers(system);
      await completed(system, delivery);
      assert.deepEqual(await callsOf(system, delivery), [1]);
    },
  },
  {
    id: 'F-15',
    title: 'a worker dies after the call: it is made again with the same key, and the target applies it once',
    run: async (system) => {
      const delivery = await workerDiesAt(system, 'wrk.after_send', 'call');
      assert.deepEqual(await callsOf(system, delivery), [1]);
      await restartWorkers(system);
      await completed(system, delivery);
      assert.deepEqual(await callsOf(system, delivery), [2]);
    },
  },
  {
    id: 'F-16',
    title: 'a worker dies around a call that must not be made twice: it is in doubt, and goes on as a person says',
    run: async (system) => {
      for (const [failpoint, outcome, calls] of [
        ['wrk.after_send', 'sent', 1],
        ['wrk.before_send', 'not_sent', 1],
      ] as const) {
        const delivery = await workerDiesAt(system, failpoint, 'once');
        const { api } = tenantOf(system);
        await restartWorkers(system);
        const doubt = await eventually(
          async () => {
            const { rows } = await system.command.query(
              `SELECT f.execution_id AS run, e.status FROM effects f JOIN workflow_executions e ON e.tenant_id = f.tenant_id AND e.id = f.execution_id
               JOIN webhook_events w ON w.tenant_id = e.tenant_id AND e.start_key LIKE 'e:' || w.id || ':%' WHERE w.dedupe_key = $1 AND f.state = 'in_doubt'`,
              [delivery.dedupeKey],
            );
            assert.equal(rows.length, 1);
            return rows[0];
          },
          { timeoutMs: leaseMs + 20_000, everyMs: 200 },
        );
        assert.equal(doubt.status, 'waiting');
        assert.deepEqual(await callsOf(system, delivery), [outcome === 'sent' ? 1 : 0]);
        const answer = await api.call('POST', `/api/executions/${doubt.run}/effects/once/resolve`, { outcome });
        assert.equal(answer.status, 202);
        await completed(system, delivery);
        assert.deepEqual(await callsOf(system, delivery), [calls]);
      }
    },
  },
  {
    id: 'F-17',
    title: 'a worker dies after the commit and before BullMQ hears of it: the job that comes again finds nothing to do',
    run: async (system) => {
      await onlyWorker(system, 'wrk.before_job_done:kill9:1');
      const delivery = deliveryOf(tenantOf(system), 'plain', 1);
      await system.load.sendUntilAcknowledged(delivery);
      await system.ended('execution-worker');
      await completed(system, delivery);
      await restartWorkers(system);
      // BullMQ gives the job to somebody else when its lock is over.
      await eventually(() => system.onRedis(async (redis) => (await redis.llen('{sluice}:workflow-node-execution:active')) === 0), {
        timeoutMs: 120_000,
        everyMs: 500,
      });
    },
  },
  {
    id: 'F-18',
    title: 'a task kills three workers: its run fails with crash_loop, and nobody else suffers',
    run: async (system) => {
      const delivery = deliveryOf(tenantOf(system), 'call', 'deadly');
      await onlyWorker(system, 'wrk.after_claim:kill9:1');
      await system.load.sendUntilAcknowledged(delivery);
      for (let crash = 1; crash <= 3; crash += 1) {
        await system.ended('execution-worker', leaseMs + 20_000);
        if (crash < 3) await system.services.restart('execution-worker', { FAILPOINTS: 'wrk.after_claim:kill9:1' });
      }
      const other = deliveryOf(tenantOf(system, 1), 'call', 'neighbour');
      await restartWorkers(system);
      await system.load.sendUntilAcknowledged(other);
      await completed(system, other);
      await eventually(
        async () => {
          const runs = await runsOf(system, delivery);
          assert.deepEqual(
            runs.map(({ status, error }) => ({ status, error })),
            [{ status: 'failed', error: 'crash_loop' }],
          );
        },
        { timeoutMs: leaseMs + 30_000, everyMs: 200 },
      );
    },
  },
  {
    id: 'F-19',
    title: 'all workers are killed every 2 s for a minute under load: everything is done in the end',
    run: async (system) => {
      const load = system.load.begin(system.tenants, { perSecond: 30, conversations: 2 });
      for (const end = Date.now() + 60_000; Date.now() < end;) {
        await Promise.all(['execution-worker', 'execution-worker-2'].map((app) => system.kill9(app)));
        for (const app of ['execution-worker', 'execution-worker-2']) system.services.launch(app);
        await sleep(2_000 + 2_000); // they need the first two to start at all
      }
      await restartWorkers(system);
      await load.stop();
    },
  },
  ...(
    [
      ['F-20', 'before', 'wrk.before_send'],
      ['F-21', 'after', 'wrk.after_send'],
    ] as const
  ).map(([id, when, failpoint]): ChaosCase => ({
    id,
    title: `a worker stands still ${when} the call until its lease is over: another one finishes, and what it does on its return counts for nothing`,
    run: async (system) => {
      await onlyWorker(system, `${failpoint}:stop:1`);
      const delivery = deliveryOf(tenantOf(system), 'call', 'zombie');
      await system.load.sendUntilAcknowledged(delivery);
      await eventually(async () => (await callsOf(system, delivery)).length === 1);
      await sleep(200);
      await system.services.restart('execution-worker-2');
      await completed(system, delivery, leaseMs + 40_000);
      const before = await callsOf(system, delivery);
      system.signal('execution-worker', 'SIGCONT');
      await sleep(3_000); // what it would do it does at once
      const [times = 0] = await callsOf(system, delivery);
      assert.ok(times <= (before[0] ?? 0) + 1, `${times} calls`);
      const { rows } = await system.command.query(
        `SELECT count(*)::int AS n FROM domain_events d JOIN workflow_executions e ON e.id = d.aggregate_id JOIN webhook_events w ON w.tenant_id = e.tenant_id AND e.start_key LIKE 'e:' || w.id || ':%'
           WHERE w.dedupe_key = $1 AND d.type = 'node.execution.completed' AND d.payload ->> 'nodeId' = 'call'`,
        [delivery.dedupeKey],
      );
      assert.deepEqual(rows, [{ n: 1 }]);
    },
  })),
  {
    id: 'F-22',
    title: 'a worker’s event loop is blocked for longer than its lease: the task runs elsewhere, and the worker is fenced on its return',
    run: async (system) => {
      await onlyWorker(system, `wrk.before_send:block=${leaseMs * 1.5}:1`);
      const delivery = deliveryOf(tenantOf(system), 'call', 'blocked');
      await system.load.sendUntilAcknowledged(delivery);
      await eventually(async () => (await callsOf(system, delivery)).length === 1);
      await system.services.restart('execution-worker-2');
      await completed(system, delivery, leaseMs + 40_000);
      await eventually(async () => (await fetch(`${urlOf(system, 'execution-worker')}/healthz`)).ok, {
        timeoutMs: leaseMs + 30_000,
        everyMs: 500,
      });
    },
  },
  ...(['prj.mid_batch', 'prj.before_commit', 'prj.after_commit'] as const).map((failpoint): ChaosCase => ({
    id: 'F-23',
    title: `a projector dies at ${failpoint}: nothing is applied twice, nothing is left out`,
    run: async (system) => {
      await system.services.kill('projector-2', 'SIGTERM');
      await system.withFailpoints('projector', `${failpoint}:kill9:3`);
      const load = system.load.begin(system.tenants, { perSecond: 40 });
      await system.ended('projector');
      // It may die before anybody sees it ready.
      system.services.launch('projector', { FAILPOINTS: `${failpoint}:kill9:2` });
      await system.ended('projector');
      await system.services.restart('projector');
      await load.stop();
    },
  })),
  {
    id: 'F-24',
    title: 'of two projectors one stands still in the middle of a batch: the other waits or takes over, and they never interleave',
    run: async (system) => {
      await system.services.kill('projector-2', 'SIGTERM');
      await system.withFailpoints('projector', 'prj.before_commit:stop:2');
      const load = system.load.begin(system.tenants, { perSecond: 40 });
      await system.services.restart('projector-2');
      await sleep(5_000);
      // Its transaction is ended by the server, as that of a machine that is gone; then it comes back to it.
      await system.command.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'sluice_query' AND state LIKE 'idle in transaction%'`,
      );
      await sleep(2_000);
      system.signal('projector', 'SIGCONT');
      await load.stop();
    },
  },
  ...(['tmr.after_select', 'tmr.before_commit'] as const).map((failpoint): ChaosCase => ({
    id: 'F-27',
    title: `a worker dies at ${failpoint}: each timer fires once, and none early`,
    run: async (system) => {
      const deliveries = system.load.make(tenantOf(system), 40, ['wait']);
      await system.withFailpoints('execution-worker', `${failpoint}:kill9:4`);
      await system.load.sendAll(deliveries);
      await system.ended('execution-worker');
      for (const delivery of deliveries) await completed(system, delivery);
      const { rows } = await system.command.query(
        `SELECT workflow_execution_id, started_at, completed_at FROM node_executions WHERE node_id = 'wait' AND status = 'completed' AND completed_at < started_at + interval '299 milliseconds'`,
      );
      assert.deepEqual(rows, []);
    },
  })),
  {
    id: 'F-29',
    title: 'each app is restarted in turn under load: no call of a provider is refused, no crash is counted, each ends with 0 within 25 s',
    run: async (system) => {
      const load = system.load.begin(system.tenants, { perSecond: 60, conversations: 2 });
      await sleep(1_000);
      const refusedBefore = JSON.stringify(system.ledger.refusals);
      for (const app of [...system.apps].toSorted()) {
        // As a balancer that looks at readiness: no new calls first, then the signal.
        const { acknowledged } = system.ledger.counts;
        system.outOfRotation.add(app);
        await sleep(app.startsWith('webhook-gateway') ? 300 : 0);
        const began = Date.now();
        await system.services.kill(app, 'SIGTERM');
        assert.ok(Date.now() - began < 25_000, `${app} took ${Date.now() - began} ms to stop`);
        await system.services.restart(app);
        system.outOfRotation.delete(app);
        assert.ok(system.ledger.counts.acknowledged > acknowledged + 50, `${app} was restarted while hardly anything was sent`);
        assert.equal(await crashesOf(system), 0);
      }
      await load.stop();
      assert.equal(JSON.stringify(system.ledger.refusals), refusedBefore);
    },
  },
  {
    id: 'F-30',
    title:
      'a worker is stopped during a call that does not end: it gives the lease back and ends, and the call is made again with the same key',
    run: async (system) => {
      await onlyWorker(system, '');
      system.stub.hold();
      const delivery = deliveryOf(tenantOf(system), 'call', 'long');
      await system.load.sendUntilAcknowledged(delivery);
      await eventually(() => system.stub.waiting === 1);
      const began = Date.now();
      await system.services.kill('execution-worker', 'SIGTERM');
      assert.ok(Date.now() - began < 25_000, `it took ${Date.now() - began} ms to stop`);
      system.stub.release();
      await restartWorkers(system);
      await completed(system, delivery, 15_000); // at once, not when a lease runs out
      assert.equal(await crashesOf(system), 0);
      assert.deepEqual(await callsOf(system, delivery), [2]);
    },
  },
  {
    id: 'F-31',
    title: 'a worker and a gateway are killed while they drain: as a plain kill',
    run: async (system) => {
      const load = system.load.begin(system.tenants, { perSecond: 60 });
      for (const app of ['execution-worker', 'webhook-gateway']) {
        await system.withFailpoints(app, 'sig.drain:kill9:1');
        await sleep(1_000);
        await system.services.kill(app, 'SIGTERM');
        await system.services.restart(app);
      }
      await load.stop();
    },
  },
  {
    id: 'F-33',
    title: 'twenty workers start at once on a backlog after everything was down: connections stay bounded, all is done',
    system: { workers: 20, projectors: 1, env: { DATABASE_POOL_SIZE: '4' } },
    run: async (system) => {
      const workers = system.apps.filter((app) => app.startsWith('execution-worker'));
      await Promise.all(workers.map((app) => system.kill9(app)));
      await system.flushRedis();
      await system.load.sendAll(system.load.make(tenantOf(system), 1_000, ['plain', 'call', 'wait']), 32);
      for (const app of workers) system.services.launch(app);
      let most = 0;
      const connections = async () => {
        const { rows } = await system.command.query<{ n: number }>(
          `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'sluice-execution-worker'`,
        );
        most = Math.max(most, rows[0]?.n ?? 0);
      };
      // One that does not reach its store in this crowd ends, and is started again as whoever runs it would.
      await eventually(
        async () => {
          await connections();
          const answers = await Promise.all(workers.map((app) => fetch(`${urlOf(system, app)}/readyz`)));
          assert.ok(answers.every(({ ok }) => ok));
        },
        { timeoutMs: 120_000, everyMs: 500 },
      );
      await system.quiesce(120_000);
      await connections();
      assert.ok(most <= 20 * 4, `${most} connections`);
    },
  },
];
