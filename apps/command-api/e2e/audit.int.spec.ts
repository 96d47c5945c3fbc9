import { randomUUID } from 'node:crypto';
import { newId } from '@sluice/kernel';
import type { AuditRecorded } from '@sluice/tenancy-domain';
import { type CommandApi, commandApi } from './command-api.js';
import { commandCases, fixtures, type Fixtures, secretsOf } from './every-command.js';

let api: CommandApi;
let things: Fixtures;
beforeAll(async () => {
  api = await commandApi();
  things = await fixtures(api);
});
afterAll(() => api.close());

interface Entry {
  readonly tenantId: string;
  readonly commitId: string;
  readonly payload: AuditRecorded['payload'];
}

async function auditOf(correlationId: string): Promise<Entry[]> {
  const { rows } = await api.db.query<Entry>(
    `SELECT tenant_id AS "tenantId", commit_id AS "commitId", payload FROM domain_events
     WHERE type = 'audit.recorded' AND correlation_id = $1 ORDER BY commit_id, ord`,
    [correlationId],
  );
  return rows;
}

describe('the audit of accepted commands', () => {
  const changing = commandCases.filter(({ changes = true }) => changes);
  it.each(changing)('says who did what in $route, once, in its commit', async ({ route, request }) => {
    const { method, path, body, caller } = await request(api, things);
    const correlationId = randomUUID();
    const headers = { 'x-correlation-id': correlationId, 'idempotency-key': randomUUID() };
    const answer = await api.call(method, path, { key: caller ?? api.admin, body, headers });
    await api.call(method, path, { key: caller ?? api.admin, body, headers });

    const entries = await auditOf(correlationId);
    const [, collection = '', named] = /^\/api\/([^/]+)s(?:\/([0-9a-f-]{36}))?/.exec(path) ?? [];
    const role = caller === undefined ? 'admin' : 'platform';
    const id = named ?? answer.body.id;
    expect(entries.map(({ payload }) => payload)).toEqual([
      {
        action: expect.stringMatching(/^[a-z][A-Za-z]*\.[a-z][A-Za-z]*$/),
        by: expect.stringMatching(/^key:[0-9a-f-]{36}$/),
        role,
        // Of many at once none is the one.
        subject: id === undefined ? null : { type: collection.replaceAll('-', '_'), id },
        from: '127.0.0.1',
        method,
        path,
      },
    ]);
    expect(entries[0]?.tenantId).toBe(route === 'POST /api/tenants' ? answer.body.id : api.tenantId);
    const { rows } = await api.db.query('SELECT DISTINCT commit_id FROM domain_events WHERE correlation_id = $1', [correlationId]);
    expect(rows).toEqual([{ commit_id: entries[0]?.commitId }]);
    for (const secret of [...secretsOf(answer.body).map((name) => answer.body[name]), 'very-secret', 'verify-7Q2m']) {
      expect(JSON.stringify(entries)).not.toContain(secret);
    }
  });

  it('records a command that decided nothing, too', async () => {
    const id = await things.published();
    const correlationId = randomUUID();
    await api.call('POST', `/api/workflows/${id}/publish`, { key: api.admin, headers: { 'x-correlation-id': correlationId } });
    expect((await auditOf(correlationId)).map(({ payload }) => payload.action)).toEqual(['workflows.publish']);
    expect(await api.eventTypes(id)).toEqual(['workflow.created', 'workflow.published']);
  });

  it('records nothing of what was refused or failed', async () => {
    const correlationId = randomUUID();
    const headers = { 'x-correlation-id': correlationId };
    const viewer = await api.keyFor('viewer');
    const refused = [
      await api.call('POST', '/api/workflows', { body: { name: 'x' }, headers }),
      await api.call('POST', '/api/workflows', { key: viewer, body: { name: 'x' }, headers }),
      await api.call('POST', '/api/workflows', { key: api.admin, body: {}, headers }),
      await api.call('POST', `/api/workflows/${newId()}/publish`, { key: api.admin, headers }),
    ];
    expect(refused.map(({ status }) => status)).toEqual([401, 403, 400, 404]);
    expect(await auditOf(correlationId)).toEqual([]);
  });
});

it.each(['sluice_api', 'sluice_service', 'sluice_projector'])('what is in the log cannot be changed or removed by %s', async (role) => {
  const { rows } = await api.db.query<{ name: string }>(
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'domain_events'::regclass LIMIT 1`,
  );
  for (const table of ['domain_events', 'event_commits', rows[0]?.name]) {
    const column = table === 'event_commits' ? 'events' : 'payload';
    for (const change of [`UPDATE ${table} SET ${column} = ${column}`, `DELETE FROM ${table}`, `TRUNCATE ${table}`]) {
      await api.db.query('BEGIN');
      await api.db.query(`SET LOCAL ROLE ${role}`);
      await api.db.query(`SELECT set_config('app.tenant_id', $1, true)`, [api.tenantId]);
      await expect(api.db.query(change)).rejects.toThrow('permission denied');
      await api.db.query('ROLLBACK');
    }
  }
});
