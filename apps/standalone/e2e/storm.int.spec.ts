import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SluiceClient } from '@sluice/client';
import { eventually, metaJson, type Services, signInstagram, startServices, testFolder } from '@sluice/testing';
import { Redis } from 'ioredis';
import pg from 'pg';

const deliveries = 5_000;
const connections = 32;
const secret = '3f1c9a7be2d84056a1b0c9d8e7f60514';
const account = '17841465550001234';

/** Applies each idempotency key once, as a well-behaved target does. */
class IdempotentTarget {
  readonly applied = new Map<string, number>();
  private readonly server: Server = createServer((request, response) => {
    request.resume().on('end', () => {
      const key = String(request.headers['idempotency-key']);
      this.applied.set(key, (this.applied.get(key) ?? 0) + 1);
      response.setHeader('content-type', 'application/json').end('{"ok":true}');
    });
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

describe('R-01 F-19: a worker is killed and Redis loses everything while deliveries come', () => {
  const target = new IdempotentTarget();
  const folder = testFolder('storm');
  let host: string;
  let services: Services;
  let command: pg.Pool;
  let query: pg.Pool;

  beforeAll(async () => {
    host = await target.listen();
    services = await startServices({
      dataDir: folder.path,
      ports: 'free',
      workers: 2,
      env: { ...process.env, LOG_LEVEL: 'fatal', OUTBOUND_ALLOW: host },
      onCrash: () => {},
    });
    command = new pg.Pool({ connectionString: services.commandUrl, max: 2 });
    query = new pg.Pool({ connectionString: services.queryUrl, max: 2 });
  }, 120_000);

  afterAll(async () => {
    await command?.end();
    await query?.end();
    await services?.stop();
    target.close();
    folder.remove();
  }, 60_000);

  it('every acknowledged delivery has exactly one run, all end, and the read models agree', async () => {
    const { urls, apiKey } = services;
    const client = new SluiceClient({ commandUrl: urls['command-api'], queryUrl: urls['query-api'], apiKey });
    const { id: channelId } = await client.call('channels.create', {
      body: { provider: 'instagram', name: 'storm', externalAccountId: account, credentials: { signingSecrets: [secret] } },
    });
    const { id: workflowId } = await client.call('workflows.create', {
      body: {
        name: 'storm',
        nodes: [
          { id: 'in', type: 'trigger.webhook', config: {} },
          { id: 'loud', type: 'logic.if', config: { condition: "trigger.text = 'call'" } },
          { id: 'call', type: 'http.request', config: { method: 'POST', url: `http://${host}/`, body: {} } },
          { id: 'end', type: 'data.set', config: { values: { done: true } } },
        ],
        edges: [
          { source: 'in', target: 'loud' },
          { source: 'loud', target: 'call', sourceHandle: 'true' },
          { source: 'loud', target: 'end', sourceHandle: 'false' },
          { source: 'call', target: 'end' },
        ],
      },
    });
    await client.call('workflows.publish', { path: { id: workflowId } });
    await client.call('webhooks.create', {
      body: { name: 'storm', workflowId, nodeId: 'in', provider: 'instagram', config: { channelId, actionTypes: ['message'] } },
    });

    const acknowledged = new Set<string>();
    const refused: number[] = [];
    let next = 0;
    const sender = async () => {
      for (let n = next++; n < deliveries; n = next++) {
        if (n === Math.floor(deliveries / 3)) void services.kill('execution-worker', 'SIGKILL');
        if (n === Math.floor(deliveries / 2)) void flushAll();
        const mid = `storm-${n}-${randomUUID()}`;
        const body = metaJson({
          object: 'instagram',
          entry: [
            {
              id: account,
              time: Date.now(),
              messaging: [
                {
                  sender: { id: `c${n % 100}` },
                  recipient: { id: account },
                  timestamp: Date.now(),
                  message: { mid, text: n % 10 === 0 ? 'call' : 'hi' },
                },
              ],
            },
          ],
        });
        const response = await fetch(`${urls['webhook-gateway']}/webhooks/${channelId}/instagram/message`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-hub-signature-256': signInstagram(secret, body) },
          body,
        });
        await response.arrayBuffer();
        if (response.status === 200) acknowledged.add(`instagram:${account}:message:${mid}`);
        else refused.push(response.status);
      }
    };
    await Promise.all(Array.from({ length: connections }, sender));
    expect({ refused, acknowledged: acknowledged.size }).toEqual({ refused: [], acknowledged: deliveries });

    const count = async (pool: pg.Pool, sql: string) => Number((await pool.query(sql)).rows[0].count);
    await eventually(
      async () => {
        expect(await count(command, 'SELECT count(*) FROM tasks')).toBe(0);
        expect(await count(command, `SELECT count(*) FROM workflow_executions WHERE status = 'completed'`)).toBe(deliveries);
      },
      { timeoutMs: 120_000 },
    );

    // I3: each event started exactly one run.
    expect(await count(command, 'SELECT count(*) FROM workflow_executions')).toBe(deliveries);
    const { rows: keys } = await command.query('SELECT dedupe_key, count(*) FROM webhook_events GROUP BY 1');
    expect(keys.every(({ dedupe_key: key, count: times }) => acknowledged.has(key) && Number(times) === 1)).toBe(true);
    expect(keys).toHaveLength(deliveries);
    // I5: each run's stream is 1..n with one end.
    expect(
      await count(
        command,
        `SELECT count(*) FROM (
           SELECT aggregate_id FROM domain_events GROUP BY 1
           HAVING max(aggregate_version) <> count(*) OR count(DISTINCT aggregate_version) <> count(*)
              OR count(*) FILTER (WHERE type IN ('workflow.execution.completed', 'workflow.execution.failed')) > 1) broken`,
      ),
    ).toBe(0);
    // I7: each effect once, whatever happened to its worker.
    expect(target.applied.size).toBe(deliveries / 10);

    // I9: the read models say what the command store says.
    const { rows: head } = await command.query('SELECT last FROM event_head');
    await eventually(
      async () => expect((await query.query('SELECT position FROM projection_checkpoints')).rows[0].position).toBe(head[0].last),
      { timeoutMs: 60_000 },
    );
    const runs = `SELECT id, status, workflow_version, output, entry_node_id FROM %s ORDER BY id`;
    expect((await query.query(runs.replace('%s', 'execution_summary'))).rows).toEqual(
      (await command.query(runs.replace('%s', 'workflow_executions'))).rows,
    );
    const nodes = `SELECT %s AS run, node_id, status, attempt, handle FROM %t ORDER BY 1, 2`;
    expect((await query.query(nodes.replace('%s', 'execution_id').replace('%t', 'execution_detail'))).rows).toEqual(
      (await command.query(nodes.replace('%s', 'workflow_execution_id').replace('%t', 'node_executions'))).rows,
    );
    expect(await client.call('workflows.get', { path: { id: workflowId } })).toMatchObject({ metadata: { executionCount: deliveries } });
    const events = `SELECT id, dedupe_key, status, kind FROM %s ORDER BY id`;
    expect((await query.query(events.replace('%s', 'webhook_event_history'))).rows).toEqual(
      (await command.query(events.replace('%s', 'webhook_events'))).rows,
    );
  }, 240_000);

  async function flushAll(): Promise<void> {
    const redis = new Redis(services.redisUrl);
    await redis.flushall();
    await redis.quit();
  }
});
