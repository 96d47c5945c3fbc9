import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { migrate } from '@sluice/platform-database';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@sluice/platform-local-servers';
import { eventually, freePort, testFolder } from '@sluice/testing';
import { type InProcess, inProcess } from './in-process.js';

const restarts = 20;

const folder = testFolder('restarts');
let postgres: EmbeddedPostgres;
let start: () => Promise<EmbeddedPostgres>;
let target: Server;
let sluice: InProcess;

beforeAll(async () => {
  target = createServer((request, response) => {
    request.resume().on('end', () => setTimeout(() => response.end('{}'), 200));
  });
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  const options = { dataDir: join(folder.path, 'postgres'), port: await freePort(), settings: { fsync: 'off' } };
  start = () => startEmbeddedPostgres(options);
  postgres = await start();
  for (const database of ['command', 'query']) await postgres.ensureDatabase(database);
  const stores = { commandUrl: postgres.url('command'), queryUrl: postgres.url('query'), drop: () => Promise.resolve() };
  await migrate(stores);
  const { port } = target.address() as AddressInfo;
  sluice = await inProcess({ OUTBOUND_ALLOW: `127.0.0.1:${port}` }, stores);
}, 120_000);

afterAll(async () => {
  await sluice?.close();
  target?.closeAllConnections();
  target?.close();
  await postgres?.stop();
  folder.remove();
}, 60_000);

it(`F-18 P-01: ${restarts} restarts of Postgres while tasks run: none is dead, no crash is counted, no node fails, all runs end`, async () => {
  // Whatever is ever counted against a task, it stands here.
  await sluice.db.query(`
    CREATE TABLE counted (id bigint, status text, crashes int, failures int, last_error jsonb);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN INSERT INTO counted VALUES (NEW.id, NEW.status, NEW.crashes, NEW.failures, NEW.last_error); RETURN NULL; END $$;
    CREATE TRIGGER note AFTER UPDATE ON tasks FOR EACH ROW
      WHEN (NEW.status = 'dead' OR NEW.crashes > OLD.crashes OR NEW.failures > OLD.failures) EXECUTE FUNCTION note()`);
  const { port } = target.address() as AddressInfo;
  const workflowId = await sluice.published({
    name: 'works on',
    nodes: [
      { id: 'in', type: 'trigger.manual', config: {} },
      { id: 'call', type: 'http.request', config: { method: 'POST', url: `http://127.0.0.1:${port}/` } },
      { id: 'pause', type: 'flow.delay', config: { ms: 100 } },
      { id: 'each', type: 'logic.forEach', config: { items: '[1, 2, 3]', concurrency: 2 } },
      { id: 'wait', type: 'flow.delay', config: { ms: 50 } },
      { id: 'end', type: 'data.set', config: { values: { done: true } } },
    ],
    edges: [
      { source: 'in', target: 'call' },
      { source: 'call', target: 'pause' },
      { source: 'pause', target: 'each' },
      { source: 'each', sourceHandle: 'item', target: 'wait' },
      { source: 'each', sourceHandle: 'done', target: 'end' },
    ],
  });
  const accepted: string[] = [];
  let refused = 0;
  let loading = true;
  const load = async () => {
    while (loading) {
      const answer = await sluice.call('POST', `/api/workflows/${workflowId}/nodes/in/trigger`, { input: null });
      if (answer.status === 202) accepted.push(answer.body.executionId);
      else refused += 1;
      expect([202, 503]).toContain(answer.status);
      await sleep(30);
    }
  };
  const restart = async () => {
    for (let n = 0; n < restarts; n += 1) {
      await sleep(200 + (n % 5) * 150);
      await postgres.stop();
      postgres = await start();
    }
    loading = false;
  };
  await Promise.all([load(), load(), restart()]);

  await eventually(
    async () => {
      const { rows } = await sluice.db.query(`SELECT status, count(*)::int AS n FROM workflow_executions WHERE id = ANY ($1) GROUP BY 1`, [
        accepted,
      ]);
      expect(rows).toEqual([{ status: 'completed', n: accepted.length }]);
    },
    { timeoutMs: 120_000, everyMs: 500 },
  );
  expect((await sluice.db.query('SELECT * FROM counted')).rows).toEqual([]);
  const { rows } = await sluice.db.query(
    `SELECT type FROM domain_events WHERE type IN ('task.dead_lettered', 'node.execution.failed', 'node.execution.in_doubt')`,
  );
  expect(rows).toEqual([]);
  process.stdout.write(`${restarts} restarts: ${accepted.length} runs accepted and completed, ${refused} calls answered 503\n`);
}, 300_000);
