import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceClient } from '@sluice/client';
import { eventually, seeded, type Services, startServices, testFolder } from '@sluice/testing';
import pg from 'pg';

const runs = 100;
const kills = 8;
const seed = Number(process.env['KILLS_SEED'] ?? 20_261_127);

const edge = (source: string, target: string, sourceHandle?: string) => ({ source, target, ...(sourceHandle && { sourceHandle }) });

describe(`F-12 F-13 F-17 F-19 F-27: workers are killed at any point of runs with waits, loops and calls (seed ${seed})`, () => {
  const folder = testFolder('kills');
  let services: Services;
  let command: pg.Pool;

  beforeAll(async () => {
    services = await startServices({
      dataDir: folder.path,
      ports: 'free',
      workers: 2,
      env: { ...process.env, LOG_LEVEL: 'fatal' },
      onCrash: () => {},
    });
    command = new pg.Pool({ connectionString: services.commandUrl, max: 2 });
  }, 120_000);

  afterAll(async () => {
    await command?.end();
    await services?.stop();
    folder.remove();
  }, 60_000);

  it('each goes on and ends with the result that it would have had', async () => {
    const random = seeded(seed);
    const { urls, apiKey } = services;
    const client = new SluiceClient({ commandUrl: urls['command-api'], queryUrl: urls['query-api'], apiKey });
    const published = async (body: Parameters<typeof client.call<'workflows.create'>>[1]['body']): Promise<string> => {
      const { id } = await client.call('workflows.create', { body });
      await client.call('workflows.publish', { path: { id } });
      return id;
    };
    const callee = await published({
      name: 'callee',
      nodes: [
        { id: 'in', type: 'trigger.manual', config: {} },
        { id: 'pause', type: 'flow.delay', config: { ms: '{{ trigger.ms }}' } },
        { id: 'square', type: 'data.set', config: { values: { square: '{{ trigger.n * trigger.n }}' } } },
      ],
      edges: [edge('in', 'pause'), edge('pause', 'square')],
    });
    const workflowId = await published({
      name: 'killed',
      nodes: [
        { id: 'in', type: 'trigger.manual', config: {} },
        { id: 'left', type: 'flow.delay', config: { ms: '{{ trigger.ms }}' } },
        { id: 'each', type: 'logic.forEach', config: { items: 'trigger.items', concurrency: 2 } },
        { id: 'wait', type: 'flow.delay', config: { ms: '{{ item.ms }}' } },
        { id: 'call', type: 'flow.subworkflow', config: { workflowId: callee, input: { n: '{{ item.n }}', ms: '{{ item.ms }}' } } },
        { id: 'join', type: 'logic.merge', config: { mode: 'all' } },
        { id: 'sum', type: 'data.transform', config: { expression: '$sum(input.each.square)' } },
      ],
      edges: [
        edge('in', 'left'),
        edge('in', 'each'),
        edge('each', 'wait', 'item'),
        edge('wait', 'call'),
        edge('each', 'join', 'done'),
        edge('left', 'join'),
        edge('join', 'sum'),
      ],
    });

    const expected = new Map<string, number>();
    const start = async () => {
      for (let n = 0; n < runs; n += 1) {
        const items = Array.from({ length: 1 + Math.floor(random() * 4) }, () => ({
          n: Math.floor(random() * 10),
          ms: Math.floor(random() * 400),
        }));
        const input = { items, ms: Math.floor(random() * 600) };
        const { executionId } = await client.call('workflows.trigger', { path: { id: workflowId, nodeId: 'in' }, body: { input } });
        expected.set(
          executionId,
          items.reduce((sum, item) => sum + item.n ** 2, 0),
        );
      }
    };
    const kill = async () => {
      for (let n = 0; n < kills; n += 1) {
        await sleep(200 + random() * 700);
        const worker = n % 2 === 0 ? 'execution-worker' : 'execution-worker-2';
        await services.kill(worker, 'SIGKILL');
        await services.restart(worker);
      }
    };
    await Promise.all([start(), kill()]);

    await eventually(
      async () => {
        const { rows } = await command.query(`SELECT status, count(*)::int AS n FROM workflow_executions GROUP BY 1`);
        expect(rows.map(({ status }) => status)).toEqual(['completed']);
        expect((await command.query('SELECT count(*)::int AS n FROM tasks')).rows[0].n).toBe(0);
      },
      { timeoutMs: 150_000, everyMs: 250 },
    );
    const { rows: ended } = await command.query('SELECT id, output FROM workflow_executions WHERE workflow_id = $1', [workflowId]);
    expect(new Map(ended.map(({ id, output }) => [id, output]))).toEqual(expected);

    // Each call was made once, each join joined once, each stream is 1..n with one end; nobody waits for anything.
    const count = async (sql: string) => Number((await command.query(sql)).rows[0].count);
    const { rows: items } = await command.query(
      `SELECT sum(loop_count)::int AS n FROM node_executions WHERE node_id = 'each' AND iteration = ''`,
    );
    expect(await count('SELECT count(*) FROM workflow_executions WHERE parent_execution_id IS NOT NULL')).toBe(items[0].n);
    expect(
      await count(`SELECT count(*) FROM domain_events WHERE type = 'node.execution.completed' AND payload ->> 'nodeId' IN ('join', 'sum')`),
    ).toBe(2 * runs);
    expect(
      await count(
        `SELECT count(*) FROM (
           SELECT aggregate_id FROM domain_events GROUP BY 1
           HAVING max(aggregate_version) <> count(*) OR count(DISTINCT aggregate_version) <> count(*)
              OR count(*) FILTER (WHERE type ~ '^workflow.execution.(completed|failed|cancelled|incomplete)$') > 1) broken`,
      ),
    ).toBe(0);
    expect(await count('SELECT (SELECT count(*) FROM waits) + (SELECT count(*) FROM timers) + (SELECT count(*) FROM turns) AS count')).toBe(
      0,
    );
  }, 300_000);
});
