import { randomInt } from 'node:crypto';
import { newId } from '@sluice/kernel';
import type { CommandApi } from './command-api.js';

/** Of an answer that shows secrets, once: the members that a replay leaves out. */
export const secretsOf = (answer: object = {}): string[] => Object.keys(answer).filter((name) => /^(key|verifyToken)$/.test(name));

export interface CommandRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  /** Default: the tenant's admin */
  readonly caller?: string;
}

interface CommandCase {
  /** As in the OpenAPI document */
  readonly route: string;
  /** A request that succeeds, each time about a new thing */
  request(api: CommandApi, fixtures: Fixtures): Promise<CommandRequest> | CommandRequest;
  /** False: it only looks */
  readonly changes?: boolean;
}

const newAccount = () => String(randomInt(2 ** 47));

/** What the requests of the cases need to be there. */
export async function fixtures(api: CommandApi) {
  const drawing = {
    name: 'Answer',
    nodes: [
      { id: 'start', type: 'trigger.webhook', config: {} },
      { id: 'set', type: 'data.set', config: { values: { a: 1 } } },
    ],
    edges: [{ source: 'start', target: 'set' }],
  };
  const channel = {
    provider: 'instagram',
    name: 'Shop',
    externalAccountId: '17841465550001234',
    credentials: {
      signingSecrets: ['3f1c9a7be2d84056a1b0c9d8e7f60514'],
      verifyToken: 'sluice-verify-7Q2m',
      accessToken: 'IGAA-very-secret',
    },
  };
  const providerApp = { provider: 'instagram', name: 'Our app', credentials: { signingSecrets: ['5a1c9a7be2d84056a1b0c9d8e7f60514'] } };
  const made = async (path: string, body: object, method = 'POST'): Promise<string> => {
    const answer = await api.call(method, path, { key: api.admin, body });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body.id ?? answer.body.executionId;
  };
  const workflow = () => made('/api/workflows', drawing);
  const connected = () => made('/api/channels', { ...channel, externalAccountId: newAccount() });
  const registration = async () => ({
    name: 'Questions',
    workflowId: await workflow(),
    nodeId: 'start',
    provider: 'instagram',
    config: { channelId: await connected() },
  });
  const published = async () => {
    const id = await workflow();
    await made(`/api/workflows/${id}/publish`, {});
    return id;
  };
  // No worker runs here: what one would answer to tests is there at once.
  await api.db.query(`
    CREATE OR REPLACE FUNCTION answer_test() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF NEW.kind = 'test' THEN NEW.result := '{"outcome": "done", "handle": "out", "output": {"a": 1}, "durationMs": 1}'; END IF;
      RETURN NEW;
    END $$;
    CREATE OR REPLACE TRIGGER answer_test BEFORE INSERT ON worker_requests FOR EACH ROW EXECUTE FUNCTION answer_test();
    CREATE OR REPLACE FUNCTION answer_channel_test() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      NEW.result := '{"ok": true, "checks": [{"name": "settings", "ok": true, "message": "The settings are of the right form."}]}';
      RETURN NEW;
    END $$;
    CREATE OR REPLACE TRIGGER answer_channel_test BEFORE INSERT ON channel_tests FOR EACH ROW EXECUTE FUNCTION answer_channel_test()`);
  const started = async () => made(`/api/workflows/${await published()}/nodes/start/trigger`, { input: {} });
  /** A run as a worker leaves it. */
  const standing = async (status: string, nodeStatus: string): Promise<string> => {
    const id = await started();
    await api.db.query('DELETE FROM tasks WHERE execution_id = $1', [id]);
    await api.db.query('UPDATE workflow_executions SET status = $2 WHERE id = $1', [id, status]);
    await api.db.query(
      `INSERT INTO node_executions (tenant_id, workflow_execution_id, node_id, id, status, attempt)
       SELECT tenant_id, id, 'start', $2, $3, 1 FROM workflow_executions WHERE id = $1`,
      [id, newId(), nodeStatus],
    );
    return id;
  };
  /** A task of a run that failed with it */
  const deadLetter = async (): Promise<string> => {
    const id = newId();
    await api.db.query(
      `INSERT INTO tasks (tenant_id, kind, execution_id, node_id, status, dead_letter_id, dead_reason, dead_at)
       SELECT tenant_id, 'effect', id, 'start', 'dead', $2, 'crash_loop', now() FROM workflow_executions WHERE id = $1`,
      [await standing('failed', 'failed'), id],
    );
    return id;
  };
  /** An event that a gateway recorded, of a channel of its own */
  const event = async () => {
    const [id, channelId] = [newId(), await connected()];
    await api.db.query(
      `INSERT INTO webhook_events (tenant_id, id, delivery_id, channel_id, kind, action, dedupe_key, item, status, correlation_id, occurred_at,
                                   received_at)
       VALUES ($1, $2::uuid, $2::uuid, $3, 'message', 'message', $2::uuid::text, '{}', 'processed', 'corr', now(), now())`,
      [api.tenantId, id, channelId],
    );
    return { id, channelId };
  };
  const replay = async () => {
    const { id } = await event();
    const answer = await api.call('POST', `/api/webhook-events/${id}/replay`, { key: api.admin, body: { reason: 'It failed' } });
    return String(answer.body.replayId);
  };
  return {
    made,
    event,
    replay,
    standing,
    deadLetter,
    drawing,
    channel,
    credential: { name: 'Shop', type: 'bearer', token: 'bearer-very-secret', allowedHosts: ['api.example.com'] },
    providerAppBody: providerApp,
    workflow,
    connected,
    registration,
    published,
    started,
    registered: async () => made('/api/webhooks', await registration()),
    providerApp: () => made('/api/provider-apps', providerApp),
    apiKey: () => made('/api/api-keys', { name: 'x', role: 'viewer' }),
  };
}

export type Fixtures = Awaited<ReturnType<typeof fixtures>>;

/** One successful request for each command route: a route without one fails the tests. */
export const commandCases: readonly CommandCase[] = [
  { route: 'POST /api/workflows', request: (_, { drawing }) => ({ method: 'POST', path: '/api/workflows', body: drawing }) },
  {
    route: 'POST /api/workflows/import',
    request: (_, { drawing }) => ({
      method: 'POST',
      path: '/api/workflows/import',
      body: { format: 'sluice.workflow', formatVersion: 1, ...drawing, omitted: [] },
    }),
  },
  {
    route: 'PUT /api/workflows/{id}',
    request: async (_, { workflow }) => ({ method: 'PUT', path: `/api/workflows/${await workflow()}`, body: { name: 'Renamed' } }),
  },
  {
    route: 'DELETE /api/workflows/{id}',
    request: async (_, { workflow }) => ({ method: 'DELETE', path: `/api/workflows/${await workflow()}` }),
  },
  {
    route: 'POST /api/workflows/{id}/publish',
    request: async (_, { workflow }) => ({ method: 'POST', path: `/api/workflows/${await workflow()}/publish` }),
  },
  {
    route: 'POST /api/workflows/{id}/rollback',
    request: async (_, { published, made }) => {
      const id = await published();
      await made(`/api/workflows/${id}`, { nodes: [{ id: 'start', type: 'trigger.manual', config: {} }], edges: [] }, 'PUT');
      await made(`/api/workflows/${id}/publish`, {});
      return { method: 'POST', path: `/api/workflows/${id}/rollback`, body: { version: 1 } };
    },
  },
  {
    route: 'POST /api/workflows/{id}/validate',
    request: async (_, { workflow }) => ({ method: 'POST', path: `/api/workflows/${await workflow()}/validate` }),
    changes: false,
  },
  {
    route: 'POST /api/workflows/{id}/nodes/{nodeId}/trigger',
    request: async (_, { published }) => ({
      method: 'POST',
      path: `/api/workflows/${await published()}/nodes/start/trigger`,
      body: { input: { text: 'Hello' } },
    }),
  },
  {
    route: 'POST /api/workflows/{id}/nodes/{nodeId}/test',
    request: async (_, { workflow }) => ({ method: 'POST', path: `/api/workflows/${await workflow()}/nodes/set/test`, body: { input: 1 } }),
  },
  {
    route: 'POST /api/workflows/{id}/backtest',
    request: async (_, { published }) => ({ method: 'POST', path: `/api/workflows/${await published()}/backtest`, body: { events: 10 } }),
  },
  {
    route: 'POST /api/executions/{id}/cancel',
    request: async (_, { started }) => ({ method: 'POST', path: `/api/executions/${await started()}/cancel` }),
  },
  {
    route: 'POST /api/executions/{id}/pause',
    request: async (_, { started }) => ({ method: 'POST', path: `/api/executions/${await started()}/pause` }),
  },
  {
    route: 'POST /api/executions/{id}/resume',
    request: async (_, { started, made }) => {
      const id = await started();
      await made(`/api/executions/${id}/pause`, {});
      return { method: 'POST', path: `/api/executions/${id}/resume` };
    },
  },
  {
    route: 'POST /api/executions/{id}/retry',
    request: async (_, { standing }) => ({ method: 'POST', path: `/api/executions/${await standing('failed', 'failed')}/retry` }),
  },
  {
    route: 'POST /api/executions/{id}/rerun',
    request: async (_, { standing }) => ({ method: 'POST', path: `/api/executions/${await standing('completed', 'completed')}/rerun` }),
  },
  {
    route: 'POST /api/executions/{id}/effects/{key}/resolve',
    request: async (_, { standing }) => ({
      method: 'POST',
      path: `/api/executions/${await standing('waiting', 'in_doubt')}/effects/start/resolve`,
      body: { outcome: 'not_sent' },
    }),
  },
  {
    route: 'POST /api/executions/bulk',
    request: async (_, { started }) => {
      await started();
      return { method: 'POST', path: '/api/executions/bulk', body: { action: 'cancel', filter: {} } };
    },
  },
  {
    route: 'POST /api/dead-letters/{id}/retry',
    request: async (_, { deadLetter }) => ({ method: 'POST', path: `/api/dead-letters/${await deadLetter()}/retry` }),
  },
  {
    route: 'DELETE /api/dead-letters/{id}',
    request: async (_, { deadLetter }) => ({ method: 'DELETE', path: `/api/dead-letters/${await deadLetter()}` }),
  },
  {
    route: 'POST /api/dead-letters/retry',
    request: async (_, { deadLetter }) => {
      await deadLetter();
      return { method: 'POST', path: '/api/dead-letters/retry', body: { filter: { reason: 'crash_loop' }, ratePerSecond: 2.5 } };
    },
  },
  {
    route: 'POST /api/dead-letters/discard',
    request: async (_, { deadLetter }) => {
      await deadLetter();
      return { method: 'POST', path: '/api/dead-letters/discard', body: { filter: {} } };
    },
  },
  {
    route: 'POST /api/workflows/{id}/move-runs',
    request: async (_, { published }) => ({
      method: 'POST',
      path: `/api/workflows/${await published()}/move-runs`,
      body: { fromVersion: 1, toVersion: 1 },
    }),
  },
  {
    route: 'POST /api/webhooks',
    request: async (_, { registration }) => ({ method: 'POST', path: '/api/webhooks', body: await registration() }),
  },
  {
    route: 'DELETE /api/webhooks/{id}',
    request: async (_, { registered }) => ({ method: 'DELETE', path: `/api/webhooks/${await registered()}` }),
  },
  {
    // Nobody is at the gateway's address: that is what it says.
    route: 'POST /api/webhooks/{id}/test',
    request: async (_, { registered }) => ({ method: 'POST', path: `/api/webhooks/${await registered()}/test` }),
  },
  {
    route: 'POST /api/webhook-events/{id}/replay',
    request: async (_, { event }) => ({
      method: 'POST',
      path: `/api/webhook-events/${(await event()).id}/replay`,
      body: { version: 'same', reason: 'It failed' },
    }),
  },
  {
    route: 'POST /api/webhook-events/replay',
    request: async (_, { event }) => {
      const filter = { channelId: (await event()).channelId, dateFrom: '2026-01-01T00:00:00Z', dateTo: '2100-01-01T00:00:00Z' };
      return {
        method: 'POST',
        path: '/api/webhook-events/replay',
        body: { name: 'All', filter, ratePerSecond: 0.5, reason: 'They failed' },
      };
    },
  },
  {
    route: 'POST /api/replays/{id}/pause',
    request: async (_, { replay }) => ({ method: 'POST', path: `/api/replays/${await replay()}/pause` }),
  },
  {
    route: 'POST /api/replays/{id}/resume',
    request: async (api, { replay }) => {
      const id = await replay();
      await api.call('POST', `/api/replays/${id}/pause`, { key: api.admin });
      return { method: 'POST', path: `/api/replays/${id}/resume` };
    },
  },
  {
    route: 'POST /api/replays/{id}/cancel',
    request: async (_, { replay }) => ({ method: 'POST', path: `/api/replays/${await replay()}/cancel` }),
  },
  {
    route: 'POST /api/channels',
    request: (_, { channel }) => ({ method: 'POST', path: '/api/channels', body: { ...channel, externalAccountId: newAccount() } }),
  },
  {
    route: 'PUT /api/channels/{id}/credentials',
    request: async (_, { connected }) => ({
      method: 'PUT',
      path: `/api/channels/${await connected()}/credentials`,
      body: { credentials: { signingSecrets: ['9d1c9a7be2d84056a1b0c9d8e7f60514'] } },
    }),
  },
  {
    route: 'POST /api/channels/{id}/hold',
    request: async (_, { connected }) => ({ method: 'POST', path: `/api/channels/${await connected()}/hold` }),
  },
  {
    route: 'POST /api/channels/{id}/release',
    request: async (_, { connected, made }) => {
      const id = await connected();
      await made(`/api/channels/${id}/hold`, {});
      return { method: 'POST', path: `/api/channels/${id}/release` };
    },
  },
  {
    route: 'POST /api/channels/{id}/test',
    request: async (_, { connected }) => ({ method: 'POST', path: `/api/channels/${await connected()}/test` }),
  },
  {
    route: 'DELETE /api/channels/{id}',
    request: async (_, { connected }) => ({ method: 'DELETE', path: `/api/channels/${await connected()}` }),
  },
  {
    route: 'POST /api/provider-apps',
    request: (_, { providerAppBody }) => ({ method: 'POST', path: '/api/provider-apps', body: providerAppBody }),
  },
  {
    route: 'DELETE /api/provider-apps/{id}',
    request: async (_, { providerApp }) => ({ method: 'DELETE', path: `/api/provider-apps/${await providerApp()}` }),
  },
  { route: 'POST /api/credentials', request: (_, { credential }) => ({ method: 'POST', path: '/api/credentials', body: credential }) },
  {
    route: 'DELETE /api/credentials/{id}',
    request: async (_, { made, credential }) => ({
      method: 'DELETE',
      path: `/api/credentials/${await made('/api/credentials', credential)}`,
    }),
  },
  { route: 'POST /api/api-keys', request: () => ({ method: 'POST', path: '/api/api-keys', body: { name: 'CI', role: 'editor' } }) },
  {
    route: 'DELETE /api/api-keys/{id}',
    request: async (_, { apiKey }) => ({ method: 'DELETE', path: `/api/api-keys/${await apiKey()}` }),
  },
  {
    route: 'POST /api/tenants',
    request: ({ platform }) => ({ method: 'POST', path: '/api/tenants', body: { name: 'Globex' }, caller: platform }),
  },
  {
    route: 'PUT /api/tenants/{id}/quotas',
    request: ({ platform, tenantId }) => ({
      method: 'PUT',
      path: `/api/tenants/${tenantId}/quotas`,
      body: { dailyExecutions: randomInt(1_000_000) },
      caller: platform,
    }),
  },
  {
    route: 'PUT /api/tenants/{id}/env',
    request: ({ tenantId }) => ({ method: 'PUT', path: `/api/tenants/${tenantId}/env`, body: { variables: { host: newId() } } }),
  },
];
