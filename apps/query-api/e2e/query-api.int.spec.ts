import 'reflect-metadata';
import { createHash } from 'node:crypto';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { DeadLetterEvent, ExecutionEvent } from '@sluice/executions-domain';
import type { ChannelEvent } from '@sluice/channels-domain';
import { newId, PLATFORM_TENANT_ID } from '@sluice/kernel';
import { DatabaseModule, LogDatabase, ProjectionDatabase } from '@sluice/platform-database';
import { appendEvents } from '@sluice/platform-event-log';
import { NotificationsModule } from '@sluice/platform-notifications';
import { ProjectorLoop } from '@sluice/platform-projections';
import { type RunningApp, startApp } from '@sluice/platform-runtime';
import { createLogger } from '@sluice/platform-telemetry';
import { projectorFeatures } from '@sluice/projector';
import type { AuditRecorded, Role, TenancyEvent } from '@sluice/tenancy-domain';
import { eventually, type TestDatabase, testDatabase, undocumented } from '@sluice/testing';
import type { ReplayEvent, WebhookEvent, WebhookRegistrationEvent } from '@sluice/webhooks-domain';
import type { WorkflowEvent } from '@sluice/workflows-domain';
import pg from 'pg';
import { createApp } from '../src/create-app.js';

type AnyEvent =
  | TenancyEvent
  | AuditRecorded
  | ChannelEvent
  | WorkflowEvent
  | WebhookRegistrationEvent
  | WebhookEvent
  | ReplayEvent
  | ExecutionEvent
  | DeadLetterEvent;

const logger = createLogger('query-api', 'silent');
const redis = { redisUrl: undefined };
const [acme, other] = [newId(), newId()];
const [workflowId, channelId, webhookId, executionId, deliveryId] = [newId(), newId(), newId(), newId(), newId()];
const [eventId, echoId, startRunId, sendRunId, letterId] = [newId(), newId(), newId(), newId(), newId()];
const receivedAt = '2026-11-23T12:00:00.000Z';

let stores: TestDatabase;
let command: pg.Pool;
let projector: INestApplicationContext;
let api: RunningApp;
const versions = new Map<string, number>();

/** One commit; answers its position. */
async function append(tenantId: string, ...events: AnyEvent[]): Promise<number> {
  const client = await command.connect();
  await client.query('BEGIN');
  const commitId = await appendEvents(
    client,
    events.map((event) => {
      const aggregateVersion = (versions.get(event.aggregateId) ?? 0) + 1;
      versions.set(event.aggregateId, aggregateVersion);
      return { event, tenantId, aggregateVersion, correlationId: `correlation-${tenantId.slice(-4)}` };
    }),
  );
  await client.query('COMMIT; SELECT sequence_commits()');
  client.release();
  projector.get(ProjectorLoop).wake();
  const { rows } = await command.query<{ position: number }>('SELECT position FROM event_commits WHERE id = $1', [commitId]);
  return rows[0]?.position ?? 0;
}

const secretOf = (role: Role, tenantId: string) => `slk_${role}_${tenantId}`;
const keyIds = new Map<string, string>();

function keyOf(role: Role, tenantId: string): TenancyEvent {
  const secret = secretOf(role, tenantId);
  const aggregateId = newId();
  keyIds.set(secret, aggregateId);
  const hash = createHash('sha256').update(secret).digest('hex');
  return { type: 'api_key.created', aggregateId, payload: { name: role, role, prefix: 'slk_', hash, expiresAt: null, by: 'test' } };
}

const graph = {
  nodes: [
    { id: 'start', type: 'trigger.webhook', config: {} },
    { id: 'send', type: 'instagram.sendMessage', config: {} },
  ],
  edges: [{ source: 'start', target: 'send' }],
};

const workflowCreated = (aggregateId: string, name: string, tags: string[] = []): WorkflowEvent => ({
  type: 'workflow.created',
  aggregateId,
  payload: { name, description: 'Answers 100% of messages', graph, tags, settings: {}, revision: 1, by: 'key:ada' },
});

const happened = (id: string, kind: string, triggers: boolean) => ({
  webhookId: triggers ? webhookId : null,
  webhookIds: triggers ? [webhookId] : [],
  deliveryId,
  rawPayload: {},
  headers: {},
  receivedAt,
  event: {
    id,
    provider: 'instagram',
    channelId,
    kind,
    action: 'messages',
    dedupeKey: `mid.${id}`,
    accountId: '17',
    customerId: '42',
    direction: triggers ? ('in' as const) : ('out' as const),
    triggers,
    text: 'hello',
    occurredAt: '2026-11-23T11:59:59.000Z',
    receivedAt,
  },
});

beforeAll(async () => {
  stores = await testDatabase();
  command = new pg.Pool({ connectionString: stores.commandUrl });
  command.on('connect', (client) => client.on('error', () => {}));
  const database = (url: string) => ({ app: 'projector', config: { url, poolSize: 2 } });
  @Module({
    imports: [
      DatabaseModule.forRoot(LogDatabase, database(stores.commandUrl)),
      DatabaseModule.forRoot(ProjectionDatabase, database(stores.queryUrl)),
      NotificationsModule.forRoot(redis),
      ...projectorFeatures({ webhookMirror: undefined }, logger),
    ],
  })
  class Projector {}
  projector = await NestFactory.createApplicationContext(Projector, { logger: false });

  const exposed = { metrics: 'loopback', docs: 'loopback' } as const;
  const limits = { trustedProxies: [], requestsPerMinute: 60_000 };
  const http = { port: 0, host: '127.0.0.1', publicUrl: undefined, logLevel: 'silent' as const, exposed, ...limits };
  const config = {
    http,
    redis,
    jwt: undefined,
    queryDatabase: { url: stores.queryUrl, poolSize: 4, tolerated: { mightyLogin: true, notDurable: true } },
  };
  api = await startApp(await createApp({ ...config, redis: { redisUrl: 'redis://unused', mayEvict: false } }, logger), config, logger);

  await append(PLATFORM_TENANT_ID, keyOf('platform', PLATFORM_TENANT_ID));
  await append(other, keyOf('admin', other), workflowCreated(newId(), 'Not Acme’s'));
  await append(
    acme,
    keyOf('viewer', acme),
    keyOf('admin', acme),
    {
      type: 'channel.connected',
      aggregateId: channelId,
      payload: { provider: 'instagram', name: 'Shop', externalAccountId: '17', config: {}, expiresAt: null, by: 'key:ada' },
    },
    workflowCreated(workflowId, 'Auto-reply', ['support']),
    {
      type: 'workflow.published',
      aggregateId: workflowId,
      payload: { version: 1, versionId: newId(), revision: 1, graph, settings: {}, by: 'key:ada' },
    },
    {
      type: 'webhook.registered',
      aggregateId: webhookId,
      payload: {
        name: 'Messages',
        workflowId,
        nodeId: 'start',
        provider: 'instagram',
        config: { channelId, triggerType: 'instagram', actionTypes: ['messages'], mode: 'async' },
        endpoint: `/webhooks/${channelId}/instagram/messages`,
        by: 'key:ada',
      },
    },
  );
  await append(acme, { type: 'webhook.received', aggregateId: eventId, payload: happened(eventId, 'message.text', true) });
  const echo = { ...happened(echoId, 'message.echo', false), reason: 'echo' };
  await append(acme, { type: 'webhook.ignored', aggregateId: echoId, payload: echo });
  const givenUp = { taskId: 7, kind: 'begin', reason: 'cannot_begin', workflowId } as const;
  const error = { code: 'workflow_not_callable', message: 'It has no manual trigger.' };
  await append(acme, { type: 'task.dead_lettered', aggregateId: letterId, payload: { ...givenUp, error } });
  const node = { workflowId, attempt: 1, startedAt: receivedAt, handle: 'out' };
  const startNode = { ...node, nodeRunId: startRunId, nodeId: 'start', nodeType: 'trigger.webhook', inputFrom: [] };
  const sent = { nodeType: 'instagram.sendMessage', inputFrom: ['start'], output: { id: 'm1' } };
  const sendNode = { ...node, ...sent, nodeRunId: sendRunId, nodeId: 'send' };
  await append(
    acme,
    {
      type: 'workflow.execution.started',
      aggregateId: executionId,
      payload: {
        workflowId,
        workflowVersion: 1,
        entryNodeId: 'start',
        startKey: `e:${eventId}:start`,
        trigger: {
          source: 'webhook',
          sourceType: 'instagram',
          actionType: 'messages',
          customerId: '42',
          clientId: channelId,
          receivedAt,
          webhookEventId: eventId,
        },
        input: { text: 'hello' },
      },
    },
    { type: 'node.execution.completed', aggregateId: executionId, payload: startNode },
    { type: 'node.execution.completed', aggregateId: executionId, payload: sendNode },
    { type: 'workflow.execution.completed', aggregateId: executionId, payload: { workflowId, output: { id: 'm1' } } },
  );
  const audit = { by: 'key:ada', role: 'editor', from: '192.0.2.7', method: 'POST', path: '/api/workflows' };
  const position = await append(
    acme,
    { type: 'webhook.processed', aggregateId: eventId, payload: { executionIds: [executionId], webhookIds: [webhookId] } },
    {
      type: 'audit.recorded',
      aggregateId: newId(),
      payload: { ...audit, action: 'workflows.create', subject: { type: 'workflow', id: workflowId } },
    },
    { type: 'audit.recorded', aggregateId: newId(), payload: { ...audit, action: 'channels.create', by: 'key:bob', subject: null } },
  );
  await eventually(async () => Number((await get('/api/workflows')).headers.get('x-log-position')) >= position);
}, 60_000);

afterAll(async () => {
  await api.close();
  await projector.close();
  await command.end();
  await stores.drop();
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // Bodies are compared with what they should be.
  readonly body: ReturnType<typeof JSON.parse>;
}

async function get(path: string, secret = secretOf('admin', acme), headers: Record<string, string> = {}): Promise<Answer> {
  const authorization = secret === '' ? undefined : { authorization: `Bearer ${secret}` };
  const response = await fetch(`${api.url}${path}`, { headers: { ...authorization, ...headers } });
  const answer: Answer = { status: response.status, headers: response.headers, body: await response.json() };
  expect(undocumented('query-api', 'GET', path, answer.status, answer.body.type)).toBeUndefined();
  return answer;
}

const [viewer, foreign, platform] = [secretOf('viewer', acme), secretOf('admin', other), secretOf('platform', PLATFORM_TENANT_ID)];

const routes = [
  '/api/workflows',
  `/api/workflows/${workflowId}`,
  `/api/workflows/${workflowId}/executions`,
  '/api/executions',
  `/api/executions/${executionId}`,
  '/api/webhooks',
  `/api/webhooks/${webhookId}`,
  `/api/webhooks/${webhookId}/events`,
  '/api/channels',
  `/api/channels/${channelId}`,
  `/api/channels/${channelId}/events`,
  `/api/webhook-events/${eventId}`,
  '/api/replays',
  '/api/dead-letters',
  `/api/dead-letters/${letterId}`,
  '/api/node-types',
  '/api/api-keys',
  `/api/workflows/${workflowId}/versions`,
  `/api/workflows/${workflowId}/versions/1`,
  `/api/workflows/${workflowId}/diff?from=1&to=draft`,
  `/api/workflows/${workflowId}/export`,
  `/api/jobs/${executionId}`,
  `/api/jobs/${sendRunId}`,
  `/api/nodes/send/executions?workflowId=${workflowId}`,
  '/api/audit',
  `/api/tenants/${acme}/usage`,
];
/** Their own end-to-end tests call them: what they show is made by workers and gateways. */
const elsewhere = ['/api/backtests/{id}', '/api/blobs/{sha256}', '/api/channels/{id}/source', '/api/replays/{id}'];
const ofAdmins = ['/api/api-keys', '/api/audit', `/api/tenants/${acme}/usage`];
const ofOne = routes.filter((route) => /[0-9a-f]{12}/.test(route));

it('documents every route it has', async () => {
  const { body } = await get('/api/docs-json', '');
  const expected = routes.map((route) =>
    route
      .replace(/\?.*/, '')
      .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, '{id}')
      .replace('/versions/1', '/versions/{version}')
      .replace('/send/', '/{nodeId}/'),
  );
  expect(Object.keys(body.paths).toSorted()).toEqual([...new Set([...expected, ...elsewhere])].toSorted());
});

it.each(routes)('%s answers its tenant, and nobody without a key', async (route) => {
  expect((await get(route)).status).toBe(200);
  expect(await get(route, '')).toMatchObject({ status: 401, body: { type: '/problems/credential_is_missing' } });
  expect(await get(route, 'slk_unknown')).toMatchObject({ status: 401, body: { type: '/problems/credential_is_invalid' } });
  expect((await get(route, viewer)).status).toBe(ofAdmins.includes(route) ? 403 : 200);
});

it.each(ofOne)('%s does not exist for another tenant, just as an unknown one', async (route) => {
  const unknown = newId();
  const theirs = await get(route, foreign);
  const nobodys = await get(route.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, unknown), foreign);
  expect(theirs.status).toBe(404);
  const anonymous = ({ body }: Answer, path: string) =>
    JSON.parse(JSON.stringify({ ...body, instance: '', correlationId: '' }).replaceAll(path, 'ID'));
  const id = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(route)?.[0] ?? '';
  expect(anonymous(theirs, id)).toEqual(anonymous(nobodys, unknown));
  expect((await get(route.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, 'no-uuid'))).status).toBe(400);
});

it.each([
  '/api/workflows?limit=201',
  '/api/workflows?limit=-1', // B-17
  '/api/workflows?page=-1',
  '/api/workflows?sort=name%20DESC%3B--',
  '/api/workflows?page=0',
  '/api/workflows?status=live',
  '/api/workflows?sort=name',
  '/api/executions?dateFrom=yesterday',
  '/api/executions?dateTo=2026-02-30',
  '/api/executions?dateFrom=0000-01-01',
  '/api/executions?dateTo=9999-12-31T23:59:59-01:00',
  '/api/executions?workflowId=1',
  '/api/executions?status=done',
  '/api/executions?waitsFor=nobody',
  '/api/replays?status=done',
  '/api/replays?webhookId=1',
  '/api/webhooks?workflowId=1',
  `/api/channels/${channelId}/events?status=new`,
  '/api/api-keys?status=lost',
  '/api/api-keys?cursor=*',
  '/api/audit?dateFrom=now',
  `/api/nodes/send/executions?workflowId=1`,
  '/api/nodes/send/executions',
  `/api/nodes/send/executions?workflowId=${workflowId}&status=ready`,
  `/api/workflows/${workflowId}/diff?from=1&to=last`,
  `/api/workflows/${workflowId}/diff?from=1`,
  `/api/workflows/${workflowId}/versions?limit=0`,
  `/api/workflows/${workflowId}/versions/0`,
  `/api/workflows/${workflowId}/versions/99999999999`,
  `/api/workflows/${workflowId}/export?version=latest`,
  `/api/tenants/${acme}/usage?days=93`,
])('%s is refused with every fault', async (route) => {
  const { status, body } = await get(route);
  expect(status).toBe(400);
  expect(body.errors).toEqual([{ path: expect.any(String), code: expect.any(String), message: expect.any(String) }]);
});

it('lists the tenant’s workflows with what they are and how often they ran', async () => {
  const { body } = await get('/api/workflows');
  expect(body).toEqual({
    items: [
      {
        id: workflowId,
        tenantId: acme,
        name: 'Auto-reply',
        description: 'Answers 100% of messages',
        status: 'published',
        revision: 1,
        version: 1,
        publishedRevision: 1,
        publishedAt: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/),
        ...graph,
        tags: ['support'],
        settings: {},
        metadata: {
          createdAt: expect.any(String),
          updatedAt: expect.any(String),
          createdBy: 'key:ada',
          tags: ['support'],
          executionCount: 1,
          lastExecuted: expect.any(String),
        },
      },
    ],
    page: 1,
    limit: 50,
    total: 1,
    nextCursor: null,
  });
  expect((await get(`/api/workflows/${workflowId}`)).body).toEqual(body.items[0]);
});

it.each([
  ['/api/workflows?status=draft', 0],
  ['/api/workflows?tag=support', 1],
  ['/api/workflows?tag=sales', 0],
  ['/api/workflows?search=auto', 1],
  ['/api/workflows?search=100%25', 1],
  ['/api/workflows?search=1_0', 0],
  ['/api/workflows?page=2&limit=1', 0],
  ['/api/executions?status=completed', 1],
  ['/api/executions?status=failed', 0],
  ['/api/executions?customerId=42', 1],
  ['/api/executions?customerId=4', 0],
  [`/api/executions?search=${eventId}`, 1],
  ['/api/executions?search=correlation', 1],
  ['/api/executions?dateFrom=2000-01-01', 1],
  ['/api/executions?dateTo=2000-01-01', 0],
  ['/api/executions?dateFrom=0001-01-01&dateTo=9999-12-31', 1],
  ['/api/executions?dateTo=9999-12-31T23:59:59.999Z', 1],
  ['/api/executions?dateFrom=9999-12-31T23:59:59.999Z', 0],
  [`/api/executions?workflowId=${newId()}`, 0],
  [`/api/webhooks?workflowId=${workflowId}&provider=instagram&channelId=${channelId}`, 1],
  ['/api/webhooks?status=inactive', 0],
  [`/api/channels/${channelId}/events`, 2],
  [`/api/channels/${channelId}/events?status=ignored`, 1],
  [`/api/channels/${channelId}/events?kind=message.text`, 1],
  [`/api/channels/${channelId}/events?dateFrom=2026-11-23&dateTo=2026-11-23`, 2],
  [`/api/channels/${channelId}/events?dateFrom=2026-11-23T12:00:00.001Z`, 0],
  [`/api/channels/${channelId}/events?dateTo=2026-11-23T12:00:00Z`, 2],
  [`/api/webhooks/${webhookId}/events`, 1],
  ['/api/channels?status=deleted', 0],
  ['/api/channels?search=sho', 1],
  ['/api/channels?provider=line', 0],
  [`/api/webhooks?tenantId=${acme}&dateFrom=2000-01-01`, 1],
  ['/api/webhooks?dateTo=2000-01-01', 0],
  [`/api/nodes/send/executions?workflowId=${workflowId}`, 1],
  [`/api/nodes/send/executions?workflowId=${workflowId}&status=failed`, 0],
  [`/api/nodes/send/executions?workflowId=${workflowId}&dateTo=2000-01-01`, 0],
  [`/api/nodes/gone/executions?workflowId=${workflowId}`, 0],
  [`/api/workflows/${workflowId}/versions`, 1],
  ['/api/audit', 2],
  ['/api/audit?action=workflows.create', 1],
  ['/api/audit?by=key:bob', 1],
  [`/api/audit?subject=${workflowId}`, 1],
  ['/api/audit?correlationId=none', 0],
  [`/api/audit?correlationId=correlation-${acme.slice(-4)}&dateFrom=2000-01-01`, 2],
  ['/api/audit?dateTo=2000-01-01', 0],
])('%s finds %i', async (route, found) => {
  const { body } = await get(route);
  expect(body.items).toHaveLength(found);
  if (!route.includes('page=')) expect(body.total).toBe(found);
});

it('shows a run with every node, what went in and what came out', async () => {
  const { body } = await get(`/api/executions/${executionId}`);
  const listed = (await get('/api/executions')).body.items[0];
  expect(body).toMatchObject(listed);
  expect(listed).toEqual({
    id: executionId,
    workflowId,
    workflowVersion: 1,
    tenantId: acme,
    status: 'completed',
    startedAt: expect.any(String),
    completedAt: expect.any(String),
    durationMs: 0,
    customerId: '42',
    correlationId: expect.any(String),
    trigger: expect.objectContaining({ source: 'webhook', webhookEventId: eventId }),
  });
  expect(body.nodes).toEqual([
    {
      id: expect.any(String),
      nodeId: 'start',
      type: 'trigger.webhook',
      status: 'completed',
      attempt: 1,
      startedAt: receivedAt,
      completedAt: expect.any(String),
      handle: 'out',
      input: { text: 'hello' },
      output: { text: 'hello' },
    },
    expect.objectContaining({ nodeId: 'send', input: { text: 'hello' }, output: { id: 'm1' } }),
  ]);
});

it('shows events, ignored ones too, newest first', async () => {
  const { body } = await get(`/api/channels/${channelId}/events`);
  expect(body.items.map(({ id }: { id: string }) => id)).toEqual([eventId, echoId].toSorted().toReversed());
  const echo = (await get(`/api/webhook-events/${echoId}`)).body;
  expect(echo).toMatchObject({ status: 'ignored', ignoredBecause: 'echo', triggers: false, direction: 'out' });
  expect((await get(`/api/webhook-events/${eventId}`)).body).toEqual({
    id: eventId,
    channelId,
    provider: 'instagram',
    kind: 'message.text',
    action: 'messages',
    dedupeKey: `mid.${eventId}`,
    accountId: '17',
    customerId: '42',
    direction: 'in',
    occurredAt: '2026-11-23T11:59:59.000Z',
    receivedAt,
    triggers: true,
    status: 'processed',
    executionIds: [executionId],
    deliveryId,
    webhookIds: [webhookId],
    text: 'hello',
    correlationId: expect.any(String),
  });
});

it('shows a webhook’s calls and a channel’s dependants, never a secret', async () => {
  expect((await get(`/api/webhooks/${webhookId}`)).body).toMatchObject({
    endpoint: `/webhooks/${channelId}/instagram/messages`,
    status: 'active',
    stats: { totalCalls: 1, successfulCalls: 1, lastCalledAt: receivedAt },
  });
  expect((await get(`/api/channels/${channelId}`)).body).toMatchObject({
    externalAccountId: '17',
    status: 'connected',
    health: { state: 'ok', reason: null, since: expect.any(String) },
    lastSuccessAt: receivedAt,
    lastError: null,
    dependants: { webhooks: [{ id: webhookId, name: 'Messages' }], workflows: [{ id: workflowId, name: 'Auto-reply' }] },
  });
  const { body } = await get('/api/api-keys');
  expect(body.items).toHaveLength(2);
  expect(JSON.stringify(body)).not.toContain('hash');
  expect(body.items[0]).toMatchObject({ status: 'active', prefix: 'slk_' });
});

it('lists the node types with their schemas', async () => {
  const { body } = await get('/api/node-types');
  const logicIf = body.items.find(({ type }: { type: string }) => type === 'logic.if');
  expect(logicIf).toMatchObject({ kind: 'pure', handles: ['true', 'false'], configSchema: { type: 'object' } });
  expect(logicIf.examples).toContainEqual({
    says: 'Goes on by `true` when the condition holds; its output is its input.',
    config: { condition: "trigger.text = 'hello'" },
  });
  expect(logicIf.examples).not.toContainEqual(expect.objectContaining({ says: 'Equality is one `=`.' }));
});

it('lets a platform key read the tenant it names, and nobody else another', async () => {
  expect((await get('/api/workflows', platform)).status).toBe(400);
  expect((await get(`/api/workflows?tenantId=${acme}`, platform)).body.total).toBe(1);
  expect((await get(`/api/workflows?tenantId=${acme}`)).body.total).toBe(1);
  expect((await get(`/api/workflows?tenantId=${acme}`, foreign)).status).toBe(404);
});

it('waits for the position that a command answered, so that a person reads their own write', async () => {
  for (let n = 0; n < 5; n += 1) {
    const id = newId();
    const position = await append(acme, workflowCreated(id, `Mine ${n}`));
    const answer = await get(`/api/workflows/${id}`, viewer, { 'x-min-log-position': String(position) });
    expect(answer.status).toBe(200);
    expect(Number(answer.headers.get('x-log-position'))).toBeGreaterThanOrEqual(position);
    await append(acme, { type: 'workflow.archived', aggregateId: id, payload: { by: 'key:ada' } });
  }
});

it('knows a key that was just made, when told where in the log', async () => {
  for (const role of ['viewer', 'editor', 'operator'] as const) {
    const tenantId = newId();
    const position = await append(tenantId, keyOf(role, tenantId));
    expect((await get('/api/workflows', secretOf(role, tenantId), { 'x-min-log-position': String(position) })).status).toBe(200);
  }
  // Each for itself would take two minutes.
  const strangers = await Promise.all(
    Array.from({ length: 60 }, (_, n) => get('/api/workflows', `slk_nobody_${n}`, { 'x-min-log-position': '999999' })),
  );
  expect(strangers.map(({ status }) => status)).toEqual(Array.from({ length: 60 }, () => 401));
  expect((await get('/api/workflows', 'slk_nobody', { 'x-min-log-position': 'soon' })).status).toBe(401);
});

it('answers with the position it has when the wanted one does not come within two seconds', async () => {
  const started = performance.now();
  const answer = await get('/api/workflows', viewer, { 'x-min-log-position': '999999' });
  expect(answer.status).toBe(200);
  expect(Number(answer.headers.get('x-log-position'))).toBeLessThan(1_000);
  expect(performance.now() - started).toBeGreaterThan(1_900);
  expect((await get('/api/workflows', viewer, { 'x-min-log-position': 'soon' })).status).toBe(400);
});

it('hides what was deleted from lists, unless asked for', async () => {
  const { body } = await get('/api/workflows?status=archived');
  expect(body.items.length).toBeGreaterThan(0);
  expect((await get('/api/workflows')).body.total).toBe(1);
});

it('is ready', async () => {
  expect(await get('/readyz', '')).toMatchObject({ status: 200, body: { checks: { queryStore: { status: 'ok' } } } });
});

describe('cursors', () => {
  const ids = ({ body }: Answer): string[] => body.items.map(({ id }: { id: string }) => id);
  const many = Array.from({ length: 7 }, () => newId());
  const tag = 'paged';

  beforeAll(async () => {
    const position = await append(acme, ...many.map((id, n) => workflowCreated(id, `Paged ${n}`, [tag])));
    await get('/api/workflows', undefined, { 'x-min-log-position': String(position) });
  });

  it('go through a list to its end, without gap or double, though it grows at its head meanwhile', async () => {
    const first = await get(`/api/workflows?tag=${tag}&limit=3`);
    expect(first.body).toMatchObject({ page: 1, total: 7 });
    const found = ids(first);
    await append(acme, workflowCreated(newId(), 'Newer', [tag]));
    let cursor: string | null = first.body.nextCursor;
    while (cursor !== null) {
      const next: Answer = await get(`/api/workflows?tag=${tag}&limit=2&cursor=${cursor}`);
      expect(next.status).toBe(200);
      expect(Object.keys(next.body).toSorted()).toEqual(['items', 'limit', 'nextCursor']);
      found.push(...ids(next));
      cursor = next.body.nextCursor;
    }
    expect(found).toEqual(many.toSorted().toReversed());
  });

  it('every list gives one where there is more, and takes it', async () => {
    const { body } = await get(`/api/channels/${channelId}/events?limit=1`);
    const next = await get(`/api/channels/${channelId}/events?limit=1&cursor=${body.nextCursor}`);
    expect([...body.items, ...next.body.items].map(({ id }: { id: string }) => id)).toEqual([eventId, echoId].toSorted().toReversed());
    expect(next.body.nextCursor).toBeNull();
    const audit = await get('/api/audit?limit=1');
    expect((await get(`/api/audit?limit=1&cursor=${audit.body.nextCursor}`)).body.items).toHaveLength(1);
    const keys = await get('/api/api-keys?limit=1');
    expect((await get(`/api/api-keys?limit=1&cursor=${keys.body.nextCursor}`)).body.items).toHaveLength(1);
  });

  it('B-17: one that is forged, of another tenant, list or filter is refused', async () => {
    const { nextCursor } = (await get(`/api/workflows?tag=${tag}&limit=1`)).body;
    const refused = { status: 400, body: { type: '/problems/cursor_is_invalid', errors: [expect.objectContaining({ path: 'cursor' })] } };
    const forged = Buffer.from(nextCursor, 'base64url');
    forged[forged.length - 3] = (forged.at(-3) ?? 0) ^ 1;
    expect(await get(`/api/workflows?tag=${tag}&cursor=${forged.toString('base64url')}`)).toMatchObject(refused);
    expect(await get(`/api/workflows?tag=${tag}&cursor=${nextCursor}`, foreign)).toMatchObject(refused);
    expect(await get(`/api/workflows?tag=support&cursor=${nextCursor}`)).toMatchObject(refused);
    expect(await get(`/api/workflows?cursor=${nextCursor}`)).toMatchObject(refused);
    expect(await get(`/api/webhooks?cursor=${nextCursor}`)).toMatchObject(refused);
    expect(await get(`/api/workflows?tag=${tag}&page=2&cursor=${nextCursor}`)).toMatchObject(refused);
    expect((await get(`/api/workflows?tag=${tag}&cursor=${nextCursor}%27`)).status).toBe(400);
    expect((await get('/api/workflows?limit=1%3BDROP%20TABLE%20workflows')).status).toBe(400);
    expect((await get(`/api/workflows?tenantId=${acme}&tag=${tag}&cursor=${nextCursor}`, platform)).status).toBe(200);
  });
});

it('shows the versions of a workflow, what changed between them, and which is live', async () => {
  const id = newId();
  const secret = { id: 'call', type: 'http.request', config: { url: 'https://x.test', headers: { authorization: 'Bearer abc' } } };
  const next = { nodes: [...graph.nodes, secret], edges: graph.edges };
  const position = await append(
    acme,
    workflowCreated(id, 'Versioned'),
    {
      type: 'workflow.published',
      aggregateId: id,
      payload: { version: 1, versionId: newId(), revision: 1, graph, settings: {}, by: 'key:ada' },
    },
    {
      type: 'workflow.updated',
      aggregateId: id,
      payload: { name: 'Versioned', description: null, graph: next, tags: ['t'], settings: { n: 1 }, revision: 2, by: 'key:ada' },
    },
    {
      type: 'workflow.published',
      aggregateId: id,
      payload: { version: 2, versionId: newId(), revision: 2, graph: next, settings: { n: 1 }, by: 'key:bob' },
    },
    {
      type: 'workflow.rolled_back',
      aggregateId: id,
      payload: { version: 3, versionId: newId(), fromVersion: 1, graph, settings: {}, by: 'key:ada' },
    },
  );
  const { body } = await get(`/api/workflows/${id}/versions`, viewer, { 'x-min-log-position': String(position) });
  expect(body).toMatchObject({
    items: [
      { version: 3, revision: null, fromVersion: 1, live: true, nodeCount: 2, workflowId: id },
      { version: 2, revision: 2, fromVersion: null, live: false, nodeCount: 3, publishedBy: 'key:bob' },
      { version: 1, live: false },
    ],
    total: 3,
  });
  const { nextCursor } = (await get(`/api/workflows/${id}/versions?limit=2`)).body;
  const rest = await get(`/api/workflows/${id}/versions?limit=1&cursor=${nextCursor}`);
  expect(rest.body).toMatchObject({ items: [{ version: 1 }], nextCursor: null });
  expect((await get(`/api/workflows/${id}/versions/2`)).body).toEqual({ ...body.items[1], ...next, settings: { n: 1 } });
  expect((await get(`/api/workflows/${id}/versions/4`)).body).toMatchObject({ status: 404, type: '/problems/workflow_version_not_found' });

  const nothing = { added: [], removed: [], changed: [] };
  expect((await get(`/api/workflows/${id}/diff?from=1&to=draft`)).body).toEqual({
    workflowId: id,
    from: '1',
    to: 'draft',
    identical: false,
    nodes: { ...nothing, added: [secret] },
    edges: nothing,
    settings: [{ path: 'n', kind: 'added', to: 1 }],
  });
  expect((await get(`/api/workflows/${id}/diff?from=1&to=3`)).body).toMatchObject({ identical: true });
  expect((await get(`/api/workflows/${id}/diff?from=1&to=9`)).status).toBe(404);

  const exported = await get(`/api/workflows/${id}/export`);
  expect(exported.body).toMatchObject({ format: 'sluice.workflow', name: 'Versioned', tags: ['t'], settings: { n: 1 } });
  expect(exported.body.omitted).toEqual([{ path: 'nodes[2].config.headers.authorization', reason: 'secret' }]);
  expect(JSON.stringify(exported.body)).not.toMatch(new RegExp(`abc|${acme}`));
  expect((await get(`/api/workflows/${id}/export?version=1`)).body).toMatchObject({ ...graph, omitted: [] });
  await append(acme, { type: 'workflow.archived', aggregateId: id, payload: { by: 'key:ada' } });
});

it('tells how far a run and its nodes are', async () => {
  const ended = { kind: 'execution', executionId, workflowId, state: 'done', attempts: 1 };
  expect((await get(`/api/jobs/${executionId}`)).body).toMatchObject(ended);
  expect((await get(`/api/jobs/${sendRunId}`)).body).toEqual({
    id: sendRunId,
    kind: 'node',
    executionId,
    workflowId,
    nodeId: 'send',
    state: 'done',
    status: 'completed',
    attempts: 1,
    startedAt: receivedAt,
    completedAt: expect.any(String),
  });
  const [run, nodeRunId] = [newId(), newId()];
  const retryAt = new Date(Date.now() + 60_000).toISOString();
  const node = { workflowId, nodeId: 'send', attempt: 1, startedAt: receivedAt };
  const failure = { code: 'http_status', message: 'The target answered 500.' };
  const position = await append(
    acme,
    {
      type: 'workflow.execution.started',
      aggregateId: run,
      payload: {
        workflowId,
        workflowVersion: 1,
        entryNodeId: 'start',
        startKey: run,
        trigger: { source: 'manual', sourceType: 'api', actionType: 'manual', customerId: null, clientId: 'key:ada', receivedAt },
        input: null,
      },
    },
    {
      type: 'node.execution.retried',
      aggregateId: run,
      payload: { ...node, nodeRunId, nodeType: 'x', inputFrom: [], error: failure, retryAt },
    },
  );
  const waiting = { state: 'waiting', until: retryAt, attempts: 2, lastError: failure };
  expect((await get(`/api/jobs/${nodeRunId}`, viewer, { 'x-min-log-position': String(position) })).body).toMatchObject(waiting);
  expect((await get(`/api/jobs/${run}`)).body).toMatchObject({ ...waiting, kind: 'execution', status: 'running' });

  const history = await get(`/api/nodes/send/executions?workflowId=${workflowId}`);
  expect(history.body.items).toMatchObject([
    { id: nodeRunId, executionId: run, status: 'running', durationMs: null, waitUntil: retryAt, error: failure },
    { id: sendRunId, executionId, status: 'completed', handle: 'out' },
  ]);
  await append(acme, { type: 'workflow.execution.cancelled', aggregateId: run, payload: { workflowId, by: 'key:ada' } });
});

const connectedTo = (aggregateId: string, name: string): ChannelEvent => ({
  type: 'channel.connected',
  aggregateId,
  payload: { provider: 'whatsapp', name, externalAccountId: null, config: {}, expiresAt: null, by: 'key:ada' },
});
const manualStart = (aggregateId: string): ExecutionEvent => ({
  type: 'workflow.execution.started',
  aggregateId,
  payload: {
    workflowId,
    workflowVersion: 1,
    entryNodeId: 'start',
    startKey: aggregateId,
    trigger: { source: 'manual', sourceType: 'api', actionType: 'manual', customerId: null, clientId: 'key:ada', receivedAt },
    input: null,
  },
});

describe('what was sent', () => {
  const [channel, run] = [newId(), newId()];
  const told = (id: string, messageId: string, kind: string, direction: 'in' | 'out' = 'out'): WebhookEvent => {
    const { event, ...payload } = happened(id, kind, false);
    return {
      type: 'webhook.ignored',
      aggregateId: id,
      payload: { ...payload, event: { ...event, channelId: channel, messageId, direction }, reason: kind },
    };
  };
  const node = { workflowId, nodeId: 'send', nodeType: 'whatsapp.sendMessage', attempt: 1, inputFrom: [], startedAt: receivedAt };
  const sends = (messageIds: string[], iteration?: string): ExecutionEvent => ({
    type: 'node.execution.completed',
    aggregateId: run,
    payload: {
      ...node,
      ...(iteration !== undefined && { iteration }),
      nodeRunId: newId(),
      handle: 'out',
      output: { messageId: messageIds.at(-1) ?? null },
      sent: { channelId: channel, messageIds },
    },
  });
  const sentByOf = async (id: string, position: number) =>
    (await get(`/api/webhook-events/${id}`, viewer, { 'x-min-log-position': String(position) })).body.sentBy;

  it('an echo and a receipt say which run and node sent the message, whichever is known first', async () => {
    const [early, late, second, read] = [newId(), newId(), newId(), newId()];
    await append(acme, connectedTo(channel, 'Sends'), manualStart(run));
    const before = await append(acme, told(early, 'm-1', 'echo'));
    expect(await sentByOf(early, before)).toBeUndefined();
    await append(acme, sends(['m-1', 'm-2']), sends(['m-3'], 'each:1'));
    const position = await append(acme, told(late, 'm-1', 'status_delivered'), told(second, 'm-2', 'echo'), told(read, 'm-3', 'echo'));
    const sentBy = { executionId: run, workflowId, nodeId: 'send', sentAt: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/) };
    for (const id of [early, late, second]) expect(await sentByOf(id, position)).toEqual(sentBy);
    expect(await sentByOf(read, position)).toEqual({ ...sentBy, iteration: 'each:1' });
    expect((await get(`/api/webhook-events/${early}`)).body).toMatchObject({ messageId: 'm-1' });
  });

  it('a message of another channel, of another tenant, or of nobody is none of ours', async () => {
    const [elsewhere, theirs, unknown] = [newId(), newId(), newId()];
    const foreignChannel = newId();
    const { event, ...payload } = happened(elsewhere, 'echo', false);
    const position = await append(
      acme,
      {
        type: 'webhook.ignored',
        aggregateId: elsewhere,
        payload: { ...payload, event: { ...event, channelId: foreignChannel, messageId: 'm-1' }, reason: 'echo' },
      },
      told(unknown, 'm-9', 'echo'),
    );
    expect(await sentByOf(elsewhere, position)).toBeUndefined();
    expect(await sentByOf(unknown, position)).toBeUndefined();
    const at = await append(other, told(theirs, 'm-1', 'echo'));
    const { body } = await get(`/api/webhook-events/${theirs}`, foreign, { 'x-min-log-position': String(at) });
    expect(body).toMatchObject({ id: theirs, messageId: 'm-1' });
    expect(body).not.toHaveProperty('sentBy');
  });

  it('a customer’s reaction says it as well, and what was told of a message is found by it', async () => {
    const reaction = newId();
    const position = await append(acme, told(reaction, 'm-1', 'reaction', 'in'));
    expect(await sentByOf(reaction, position)).toMatchObject({ executionId: run });
    const { body } = await get(`/api/channels/${channel}/events?messageId=m-1`);
    expect(body.items.map(({ kind }: { kind: string }) => kind).toSorted()).toEqual(['echo', 'status_delivered']);
    expect((await get(`/api/channels/${channel}/events?messageId=m-7`)).body.total).toBe(0);
    await append(acme, { type: 'workflow.execution.completed', aggregateId: run, payload: { workflowId } });
  });
});

it('a send that waits for its channel says so, why and since when, until the channel may send again', async () => {
  const [channel, run, nodeRunId] = [newId(), newId(), newId()];
  const node = {
    workflowId,
    nodeId: 'send',
    nodeRunId,
    nodeType: 'whatsapp.sendMessage',
    attempt: 1,
    inputFrom: [],
    startedAt: receivedAt,
  };
  const dead = { reason: 'credentials_dead', code: '190', message: 'Session has expired.', by: 'system' } as const;
  const sees = async (position: number) => {
    const { body } = await get(`/api/executions/${run}`, viewer, { 'x-min-log-position': String(position) });
    return body.nodes[0];
  };
  const listed = async (waitsFor: string) =>
    (await get(`/api/executions?waitsFor=${waitsFor}`)).body.items.map(({ id }: { id: string }) => id);
  const begun = await append(acme, connectedTo(channel, 'Shop 2'), manualStart(run), {
    type: 'node.execution.started',
    aggregateId: run,
    payload: node,
  });
  expect(await sees(begun)).toMatchObject({ status: 'running' });

  await append(acme, { type: 'channel.disconnected', aggregateId: channel, payload: dead });
  const held = await append(acme, {
    type: 'node.effect.held',
    aggregateId: newId(),
    payload: { executionId: run, workflowId, nodeId: 'send', nodeRunId, channelId: channel },
  });
  expect(await sees(held)).toMatchObject({
    status: 'waiting',
    waitsFor: 'channel',
    waitsForChannel: {
      id: channel,
      name: 'Shop 2',
      reason: { code: '190', message: 'Session has expired.' },
      since: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/),
    },
  });
  expect(await listed('channel')).toEqual([run]);
  expect(await listed('event')).toEqual([]);
  expect((await get(`/api/jobs/${nodeRunId}`)).body).toMatchObject({ state: 'waiting', status: 'waiting' });
  expect((await get(`/api/jobs/${run}`)).body).toMatchObject({ state: 'waiting', status: 'running' });
  const ofNode = `/api/nodes/send/executions?workflowId=${workflowId}`;
  expect((await get(`${ofNode}&status=waiting`)).body.items).toMatchObject([{ id: nodeRunId, status: 'waiting' }]);

  const mended = await append(acme, {
    type: 'channel.credentials.rotated',
    aggregateId: channel,
    payload: { version: 2, expiresAt: null, by: 'key:ada' },
  });
  const goesOn = await sees(mended);
  expect(goesOn).toMatchObject({ status: 'running' });
  expect(goesOn).not.toHaveProperty('waitsForChannel');
  await eventually(async () => expect(await listed('channel')).toEqual([]));
  const done = await append(acme, { type: 'node.execution.completed', aggregateId: run, payload: { ...node, handle: 'out', output: 1 } });
  expect(await sees(done)).toMatchObject({ status: 'completed' });
  await append(acme, { type: 'workflow.execution.cancelled', aggregateId: run, payload: { workflowId, by: 'key:ada' } });
});

it('lists replays, newest first, by state, by channel and by webhook', async () => {
  const [ofWebhook, ofWorkflow, ofAnother, elsewhere] = [newId(), newId(), newId(), newId()];
  const started = (aggregateId: string, channel: string, workflowIds?: string[]): ReplayEvent => ({
    type: 'replay.started',
    aggregateId,
    payload: {
      name: 'Monday',
      filter: { channelId: channel, dateFrom: receivedAt, dateTo: receivedAt },
      version: 'newest',
      ...(workflowIds !== undefined && { workflowIds }),
      ratePerSecond: 10,
      reason: 'The price list was empty',
      total: 3,
      by: 'key:ada',
    },
  });
  await append(acme, started(ofWebhook, channelId));
  await append(acme, started(ofWorkflow, channelId, [newId(), workflowId]));
  await append(acme, started(ofAnother, channelId, [newId()]), { type: 'replay.completed', aggregateId: ofAnother, payload: { done: 3 } });
  const position = await append(acme, started(elsewhere, newId()));
  const { body } = await get('/api/replays', viewer, { 'x-min-log-position': String(position) });
  expect(body.total).toBe(4);
  expect(body.items.at(-1)).toEqual((await get(`/api/replays/${ofWebhook}`)).body);
  const idsOf = async (query: string): Promise<string[]> =>
    (await get(`/api/replays${query}`)).body.items.map(({ id }: { id: string }) => id);
  expect(await idsOf('?status=completed')).toEqual([ofAnother]);
  expect((await idsOf(`?channelId=${channelId}`)).toSorted()).toEqual([ofWebhook, ofWorkflow, ofAnother].toSorted());
  expect((await idsOf(`?webhookId=${webhookId}`)).toSorted()).toEqual([ofWebhook, ofWorkflow].toSorted());
  expect(await idsOf(`?webhookId=${webhookId}&status=completed`)).toEqual([]);
  expect(await idsOf('?dateTo=2000-01-01')).toEqual([]);
  expect((await get(`/api/replays?webhookId=${newId()}`)).body).toMatchObject({ status: 404, type: '/problems/webhook_not_found' });
  expect((await get('/api/replays', foreign)).body.total).toBe(0);

  const first = (await get('/api/replays?limit=3')).body;
  const rest = (await get(`/api/replays?limit=3&cursor=${first.nextCursor}`)).body;
  expect([...first.items, ...rest.items].map(({ id }: { id: string }) => id)).toEqual(body.items.map(({ id }: { id: string }) => id));
  expect(rest).toMatchObject({ nextCursor: null });
});

it('shows who did what', async () => {
  const { body } = await get(`/api/audit?subject=${workflowId}`);
  expect(body.items).toEqual([
    {
      id: expect.any(String),
      action: 'workflows.create',
      by: 'key:ada',
      role: 'editor',
      subject: { type: 'workflow', id: workflowId },
      from: '192.0.2.7',
      method: 'POST',
      path: '/api/workflows',
      correlationId: expect.any(String),
      timestamp: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/),
    },
  ]);
});

it('counts a tenant’s runs and events by the day', async () => {
  const { body } = await get(`/api/tenants/${acme}/usage?days=7`);
  expect(body.days).toHaveLength(7);
  expect(body.days[0].day).toBe(new Date().toISOString().slice(0, 10));
  expect(body.days[0].runs).toBeGreaterThan(0);
  expect(body.runs).toBe(body.days.reduce((sum: number, { runs }: { runs: number }) => sum + runs, 0));
  expect((await get(`/api/tenants/${acme}/usage?tenantId=${acme}`, platform)).status).toBe(200);
  expect((await get(`/api/tenants/${other}/usage?tenantId=${acme}`, platform)).status).toBe(404);
});

describe('kept answers', () => {
  /** Answers age by this clock; it stands still. */
  const stopClock = () => {
    let now = performance.now();
    Object.defineProperty(performance, 'now', { value: () => now, configurable: true });
    return { goOn: (ms: number) => (now += ms) };
  };
  afterEach(() => Reflect.deleteProperty(performance, 'now'));

  const renamed = (id: string, name: string, revision: number): WorkflowEvent => ({
    type: 'workflow.updated',
    aggregateId: id,
    payload: { name, description: null, graph, tags: [], settings: {}, revision, by: 'key:ada' },
  });

  it('are never older than the position asked for', async () => {
    const id = newId();
    await append(acme, workflowCreated(id, 'v1'));
    for (let n = 2; n < 22; n += 1) {
      const path = n % 2 === 0 ? `/api/workflows/${id}` : '/api/workflows?search=v';
      const asked = get(path);
      const position = await append(acme, renamed(id, `v${n}`, n));
      const answer = await get(path, viewer, { 'x-min-log-position': String(position) });
      expect(JSON.stringify(answer.body)).toContain(`"v${n}"`);
      expect(Number(answer.headers.get('x-log-position'))).toBeGreaterThanOrEqual(position);
      await asked;
    }
    await append(acme, { type: 'workflow.archived', aggregateId: id, payload: { by: 'key:ada' } });
  });

  it('are dropped by the projector’s hint, long before their age does it', async () => {
    const id = newId();
    const position = await append(acme, workflowCreated(id, 'before'));
    await get(`/api/workflows/${id}`, viewer, { 'x-min-log-position': String(position) });
    const kept = await get(`/api/workflows/${id}`);
    expect(kept.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(kept.body.name).toBe('before');
    stopClock();
    await append(acme, renamed(id, 'after', 2), { type: 'workflow.archived', aggregateId: id, payload: { by: 'key:ada' } });
    await eventually(async () => (await get(`/api/workflows/${id}`)).body.name === 'after');
  });

  it('without a hint are two seconds old at most, and another tenant’s never', async () => {
    const store = new pg.Client(stores.queryUrl);
    await store.connect();
    const clock = stopClock();
    expect((await get(`/api/channels/${channelId}`)).body.name).toBe('Shop');
    await store.query('UPDATE channel_summary SET name = $2 WHERE id = $1', [channelId, 'Silently changed']);
    expect((await get(`/api/channels/${channelId}`)).body.name).toBe('Shop');
    expect((await get(`/api/channels/${channelId}`, foreign)).status).toBe(404);
    clock.goOn(2_001);
    expect((await get(`/api/channels/${channelId}`)).body.name).toBe('Silently changed');
    await store.query('UPDATE channel_summary SET name = $2 WHERE id = $1', [channelId, 'Shop']);
    await store.end();
  });
});

it('refuses a revoked key as soon as the read model knows', async () => {
  expect((await get('/api/workflows', viewer)).status).toBe(200);
  await append(acme, { type: 'api_key.revoked', aggregateId: keyIds.get(viewer) ?? '', payload: { by: 'key:ada' } });
  await eventually(async () => (await get('/api/workflows', viewer)).status === 401, { timeoutMs: 3_000 });
});
