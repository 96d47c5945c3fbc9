import { type CommandApi, commandApi } from './command-api.js';

let api: CommandApi;
let editor: string;
beforeAll(async () => {
  api = await commandApi();
  editor = await api.keyFor('editor');
});
afterAll(() => api.close());

const schedule = (id: string, config: object) => ({ id, type: 'trigger.schedule', config });
const drawing = (...nodes: object[]) => ({ name: 'Nightly', nodes, edges: [] });
const nightly = { cron: '0 3 * * *', timeZone: 'Europe/Berlin' };

async function published(...nodes: object[]): Promise<string> {
  const { body } = await api.call('POST', '/api/workflows', { key: editor, body: drawing(...nodes) });
  expect(await publish(body.id)).toMatchObject({ status: 200 });
  return body.id;
}
const publish = (id: string) => api.call('POST', `/api/workflows/${id}/publish`, { key: editor });
const redraw = (id: string, ...nodes: object[]) => api.call('PUT', `/api/workflows/${id}`, { key: editor, body: drawing(...nodes) });
const schedulesOf = async (id: string) =>
  (await api.db.query('SELECT * FROM schedules WHERE workflow_id = $1 ORDER BY node_id', [id])).rows;
/** As if the sweep had fired it: an instant that no plan would name. */
const fired = async (id: string): Promise<void> => {
  await api.db.query(`UPDATE schedules SET next_at = '2099-01-01T00:00:00Z', last_at = '2098-01-01T00:00:00Z' WHERE workflow_id = $1`, [
    id,
  ]);
};

it('publishing plans the next instant of each schedule', async () => {
  const id = await published(schedule('night', nightly), schedule('hour', { cron: '@hourly', catchUp: 'all', catchUpMax: 24 }));
  const { rows } = await api.db.query('SELECT id FROM workflow_versions WHERE workflow_id = $1', [id]);
  const [hour, night] = await schedulesOf(id);
  expect(hour).toMatchObject({
    tenant_id: api.tenantId,
    version_id: rows[0].id,
    cron: '@hourly',
    time_zone: 'UTC',
    catch_up: 'all',
    catch_up_max: 24,
    last_at: null,
    problem: null,
  });
  expect(night).toMatchObject({ cron: '0 3 * * *', time_zone: 'Europe/Berlin', catch_up: 'one', catch_up_max: 100 });
  expect(hour.next_at.getTime() % 3_600_000).toBe(0);
  expect(hour.next_at.getTime()).toBeGreaterThan(hour.created_at.getTime());
  expect(hour.next_at.getTime() - hour.created_at.getTime()).toBeLessThanOrEqual(3_600_000);
  const berlin = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', hour: '2-digit', minute: '2-digit' });
  expect(berlin.format(night.next_at)).toBe('03:00');
});

it('a draft plans nothing', async () => {
  const { body } = await api.call('POST', '/api/workflows', { key: editor, body: drawing(schedule('night', nightly)) });
  expect(await schedulesOf(body.id)).toEqual([]);
});

it('publishing again keeps the next instant of what comes at the same times, and plans the rest anew', async () => {
  const id = await published(schedule('same', nightly), schedule('moved', nightly), schedule('removed', nightly));
  await fired(id);
  await redraw(
    id,
    schedule('same', { ...nightly, catchUp: 'skip' }),
    schedule('moved', { ...nightly, timeZone: 'Asia/Tokyo' }),
    schedule('added', nightly),
  );
  expect(await publish(id)).toMatchObject({ status: 200, body: { version: 2 } });
  const { rows } = await api.db.query('SELECT id FROM workflow_versions WHERE workflow_id = $1 AND version = 2', [id]);
  const [added, moved, same, ...more] = await schedulesOf(id);
  expect(more).toEqual([]);
  expect(same).toMatchObject({
    next_at: new Date('2099-01-01T00:00:00Z'),
    last_at: new Date('2098-01-01T00:00:00Z'),
    catch_up: 'skip',
    version_id: rows[0].id,
  });
  for (const one of [added, moved]) {
    expect(one).toMatchObject({ last_at: null, version_id: rows[0].id });
    expect(one.next_at.getTime() - Date.now()).toBeLessThan(25 * 3_600_000);
  }
});

it('a schedule that stopped begins again when it is published', async () => {
  const id = await published(schedule('night', nightly));
  await api.db.query(`UPDATE schedules SET next_at = NULL, problem = 'gone' WHERE workflow_id = $1`, [id]);
  await redraw(id, schedule('night', { ...nightly, catchUp: 'all' }));
  await publish(id);
  expect(await schedulesOf(id)).toEqual([expect.objectContaining({ next_at: expect.any(Date), problem: null })]);
});

it('rolling back brings back the schedules of the version it makes live', async () => {
  const id = await published(schedule('night', nightly));
  await redraw(id, { id: 'start', type: 'trigger.manual', config: {} });
  await publish(id);
  expect(await schedulesOf(id)).toEqual([]);
  const answer = await api.call('POST', `/api/workflows/${id}/rollback`, { key: editor, body: { version: 1 } });
  expect(answer).toMatchObject({ status: 200, body: { version: 3 } });
  expect(await schedulesOf(id)).toEqual([expect.objectContaining({ node_id: 'night', next_at: expect.any(Date) })]);
});

it('an archived workflow comes never again', async () => {
  const [id, other] = [await published(schedule('night', nightly)), await published(schedule('night', nightly))];
  expect((await api.call('DELETE', `/api/workflows/${id}`, { key: editor })).status).toBeLessThan(300);
  expect(await schedulesOf(id)).toEqual([]);
  expect(await schedulesOf(other)).toHaveLength(1);
});

it('N-09 a zone that nobody knows is found before anything is published', async () => {
  const { body } = await api.call('POST', '/api/workflows', {
    key: editor,
    body: drawing(schedule('night', { cron: '0 3 * *', timeZone: 'Europe/Atlantis' })),
  });
  expect(await publish(body.id)).toMatchObject({
    status: 422,
    body: {
      errors: [
        { path: 'nodes[0].config.cron', code: 'invalid_config', message: expect.stringContaining('it has 4 of 5 or 6 fields') },
        { path: 'nodes[0].config.timeZone', code: 'invalid_config', message: expect.stringContaining('such as "Europe/Berlin"') },
      ],
    },
  });
  expect(await schedulesOf(body.id)).toEqual([]);
});
