import { newId } from '@sluice/kernel';
import { type CommandApi, commandApi } from './command-api.js';

let api: CommandApi;
let operator: string;
let workflowId: string;
beforeAll(async () => {
  api = await commandApi();
  operator = await api.keyFor('operator');
  const nodes = [
    { id: 'start', type: 'trigger.manual', config: {} },
    { id: 'set', type: 'data.set', config: { values: {} } },
  ];
  const body = { name: 'w', nodes, edges: [{ source: 'start', target: 'set' }] };
  workflowId = (await api.call('POST', '/api/workflows', { key: api.admin, body })).body.id;
  await api.call('POST', `/api/workflows/${workflowId}/publish`, { key: api.admin });
});
afterAll(() => api.close());

const started = async (): Promise<string> =>
  (await api.call('POST', `/api/workflows/${workflowId}/nodes/start/trigger`, { key: operator, body: { input: 1 } })).body.executionId;
const cancel = (id: string, key = operator) => api.call('POST', `/api/executions/${id}/cancel`, { key });

describe('POST /api/executions/:id/cancel', () => {
  it('ends the run once, with its tasks', async () => {
    const id = await started();
    const answers = await Promise.all([1, 2, 3].map(() => cancel(id)));
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409]);
    expect(answers.find(({ status }) => status === 202)?.body).toEqual({ id, status: 'cancelled' });
    expect(answers.find(({ status }) => status === 409)?.body.type).toBe('/problems/execution_is_over');
    expect((await api.db.query('SELECT 1 FROM tasks WHERE execution_id = $1', [id])).rowCount).toBe(0);
    expect((await api.eventTypes(id)).filter((type) => type.startsWith('workflow.execution'))).toEqual([
      'workflow.execution.started',
      'workflow.execution.cancelled',
    ]);
  });

  it('refuses bad input, another role, another tenant, an unknown id', async () => {
    const id = await started();
    expect((await cancel('not-a-uuid')).status).toBe(400);
    expect((await cancel(id, await api.keyFor('editor'))).status).toBe(403);
    const foreigner = (await api.call('POST', '/api/tenants', { key: api.platform, body: { name: 'Other' } })).body.key;
    expect((await cancel(id, foreigner)).status).toBe(404);
    expect((await cancel(newId())).status).toBe(404);
    expect((await cancel(id)).status).toBe(202);
  });
});
