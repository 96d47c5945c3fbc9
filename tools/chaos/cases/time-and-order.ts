import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@sluice/testing';
import type { ChaosCase } from '../case.ts';
import { deliveryOf } from '../tenant.ts';
import { completed, eventsOf, runsOf, tenantOf } from './tools.ts';

const hourMs = 3_600_000;

export const timeAndOrderCases: readonly ChaosCase[] = [
  {
    id: 'N-07',
    title: 'the apps’ clocks are an hour ahead, an hour behind, or jump: leases and timers are as they would be, and the skew is said',
    run: async (system) => {
      const shifted: Readonly<Record<string, NodeJS.ProcessEnv>> = {
        'execution-worker': { CLOCK_SHIFT_MS: String(hourMs) },
        'execution-worker-2': { CLOCK_SHIFT_MS: String(-hourMs) },
        'webhook-gateway': { CLOCK_SHIFT_MS: '600000', CLOCK_STEP_EVERY_MS: '5000' },
        'command-api': { CLOCK_SHIFT_MS: String(hourMs) },
        projector: { CLOCK_SHIFT_MS: String(-hourMs) },
      };
      for (const [app, env] of Object.entries(shifted)) {
        await system.services.kill(app, 'SIGTERM');
        await system.services.restart(app, env);
      }
      const load = system.load.begin(system.tenants, { perSecond: 40, conversations: 2 });
      await sleep(12_000);
      await load.stop();
      await system.quiesce(20_000);
      const { rows: skewed } = await system.command.query(
        `SELECT id, timestamp, created_at FROM domain_events WHERE abs(extract(epoch FROM timestamp - created_at)) > 60 LIMIT 5`,
      );
      assert.deepEqual(skewed, [], 'events have other times than the store');
      const { rows: early } = await system.command.query(
        `SELECT workflow_execution_id, started_at, completed_at FROM node_executions
         WHERE node_id = 'wait' AND status = 'completed' AND completed_at - started_at NOT BETWEEN '295 milliseconds' AND '60 seconds'`,
      );
      assert.deepEqual(early, [], 'timers were early or late');
      const metrics = await (await fetch(`${system.services.urls['execution-worker']}/metrics`)).text();
      const skew = Number(/^sluice_clock_skew_seconds (\S+)$/m.exec(metrics)?.[1]);
      assert.ok(Math.abs(skew - hourMs / 1_000) < 60, `the skew is said to be ${skew} s`);
      for (const app of Object.keys(shifted)) {
        await system.services.kill(app, 'SIGTERM');
        await system.services.restart(app);
      }
    },
  },
  {
    id: 'N-10',
    title: 'the same delivery a hundred times at once, over both gateways, and again later: one event, one run',
    run: async (system) => {
      const delivery = deliveryOf(tenantOf(system), 'call', 'echo');
      await Promise.all(Array.from({ length: 100 }, () => system.load.send(delivery)));
      await completed(system, delivery);
      await system.load.send(delivery);
      assert.equal(await eventsOf(system, delivery), 1);
      assert.equal((await runsOf(system, delivery)).length, 1);
    },
  },
  {
    id: 'N-13',
    title: 'a new version is published while hundreds of runs are under way: each finishes on its own',
    run: async (system) => {
      const tenant = tenantOf(system);
      system.stub.hold();
      const before = system.load.make(tenant, 300, ['call', 'join']);
      await system.load.sendAll(before);
      const { rows } = await system.command.query<{ version: number }>(
        'SELECT max(version)::int AS version FROM workflow_versions WHERE workflow_id = $1',
        [tenant.workflowId],
      );
      const old = rows[0]?.version ?? 0;
      const { nodes, edges } = await tenant.api.read<{ nodes: object[]; edges: object[] }>(`/api/workflows/${tenant.workflowId}`);
      const changed = await tenant.api.call('PUT', `/api/workflows/${tenant.workflowId}`, {
        nodes: [...nodes, { id: 'further', type: 'data.set', config: { values: { version: old + 1 } } }],
        edges: [...edges, { source: 'end', target: 'further' }],
      });
      assert.equal(changed.status, 200, JSON.stringify(changed.body));
      const openBefore = await eventually(
        async () => {
          const open = await openRuns(system);
          assert.ok(open.length > 150, `only ${open.length} runs are under way`);
          return open;
        },
        { timeoutMs: 30_000, everyMs: 100 },
      );
      await tenant.api.made(`/api/workflows/${tenant.workflowId}/publish`);
      system.stub.release();
      await system.load.sendAll(system.load.make(tenant, 50, ['plain', 'call']));
      await system.quiesce();
      const { rows: moved } = await system.command.query(
        'SELECT id FROM workflow_executions WHERE id = ANY ($1) AND workflow_version <> $2',
        [openBefore, old],
      );
      assert.deepEqual(moved, []);
      const { rows: further } = await system.command.query(
        `SELECT e.id FROM workflow_executions e WHERE e.workflow_id = $1 AND (e.workflow_version > $2) <>
           EXISTS (SELECT FROM node_executions n WHERE n.tenant_id = e.tenant_id AND n.workflow_execution_id = e.id AND n.node_id = 'further')`,
        [tenant.workflowId, old],
      );
      assert.deepEqual(further, []);
    },
  },
];

async function openRuns({ command }: { command: { query(sql: string): Promise<{ rows: { id: string }[] }> } }): Promise<string[]> {
  const { rows } = await command.query(`SELECT id FROM workflow_executions WHERE status IN ('running', 'waiting')`);
  return rows.map(({ id }) => id);
}
