/** What a tenant has, by kind; `Things` makes the first of each kind when a case asks for it. */
export const kinds = [
  'workflow',
  'channel',
  'webhook',
  'event',
  'execution',
  'sendingExecution',
  'waitingExecution',
  'nodeRun',
  'backtest',
  'replay',
  'deadLetter',
  'apiKey',
  'providerApp',
  'credential',
  'blob',
  'conversation',
  'tenant',
] as const;
export type Kind = (typeof kinds)[number];
export type IdOf = (kind: Kind) => Promise<string>;

/** One valid call of a route. Whose things it names decides whether it may: the test exchanges each of them in turn. */
export interface RouteCase {
  /** What stands for `:id` and the like: a kind of thing, or `=` and the text itself */
  readonly params?: Readonly<Record<string, Kind | `=${string}`>>;
  readonly query?: (idOf: IdOf) => Promise<Readonly<Record<string, string>>>;
  readonly body?: (idOf: IdOf) => Promise<object>;
  /** To the valid call. A 4xx is said why. */
  readonly answers: number;
  /** The call uses up what it names: it gets things of its own. */
  readonly fresh?: true;
}

const body = (value: object) => () => Promise.resolve(value);
const nodes = [
  { id: 'in', type: 'trigger.webhook', config: {} },
  { id: 'out', type: 'data.set', config: { values: { done: true } } },
];
export const workflowBody = { name: 'Routes', nodes, edges: [{ source: 'in', target: 'out' }] };
/** It has called somebody, waits for an approval and for a time, has a schedule, and holds a turn. */
export const waitingBody = {
  name: 'Routes wait',
  nodes: [
    nodes[0],
    { id: 'call', type: 'http.request', config: { url: 'http://127.0.0.1:9' }, policy: { onError: 'continue' } },
    { id: 'ask', type: 'flow.approval', config: { title: 'May we?' } },
    { id: 'pause', type: 'flow.delay', config: { ms: 3_600_000 } },
    { id: 'yearly', type: 'trigger.schedule', config: { cron: '0 0 1 1 *' } },
  ],
  edges: [
    { source: 'in', target: 'call' },
    { source: 'call', target: 'ask' },
    { source: 'in', target: 'pause' },
    { source: 'yearly', target: 'ask' },
  ],
  settings: { concurrency: { key: "'routes'", limit: 100 } },
};
/** Whenever it runs, it fails, and wants `errorWorkflow` to begin. */
export const failingBody = (errorWorkflow: string) => ({
  name: 'Routes fail',
  nodes: [
    { id: 'in', type: 'trigger.manual', config: {} },
    { id: 'stop', type: 'logic.stop', config: { status: 'failed' } },
  ],
  edges: [{ source: 'in', target: 'stop' }],
  settings: { errorWorkflow },
});
/** It waits for the customer's next message, as often as one comes. */
export const conversationBody = {
  name: 'Routes talk',
  nodes: [nodes[0], { id: 'answer', type: 'flow.waitForEvent', config: { exclusive: false } }],
  edges: [{ source: 'in', target: 'answer' }],
};
export const signingSecret = '3f1c9a7be2d84056a1b0c9d8e7f60514';
export const channelBody = { provider: 'instagram', name: 'Routes', credentials: { signingSecrets: [signingSecret] } };
export const sendingChannelBody = {
  ...channelBody,
  externalAccountId: '17841465550001234',
  credentials: { ...channelBody.credentials, accessToken: 'routes-token' },
};
export const sendingBody = (channelId: string) => ({
  name: 'Routes send',
  nodes: [
    { id: 'in', type: 'trigger.manual', config: {} },
    { id: 'send', type: 'instagram.sendMessage', config: { channelId, to: '9', text: 'Hi' } },
  ],
  edges: [{ source: 'in', target: 'send' }],
});
export const providerAppBody = { provider: 'instagram', name: 'Routes', credentials: { signingSecrets: [signingSecret] } };
export const credentialBody = { name: 'Routes', type: 'bearer', token: 'routes-very-secret', allowedHosts: ['api.example.com'] };

/** By method and path, as the router has it; several where an id may be of several kinds. */
export const routeCases: Readonly<Record<string, RouteCase | readonly RouteCase[]>> = {
  'POST /api/workflows': { body: body(workflowBody), answers: 201 },
  'POST /api/workflows/import': { body: body({ format: 'sluice.workflow', formatVersion: 1, ...workflowBody }), answers: 201 },
  'PUT /api/workflows/:id': { params: { id: 'workflow' }, body: body({ description: 'changed' }), answers: 200, fresh: true },
  'DELETE /api/workflows/:id': { params: { id: 'workflow' }, answers: 204, fresh: true },
  'POST /api/workflows/:id/publish': { params: { id: 'workflow' }, answers: 200 },
  'POST /api/workflows/:id/rollback': { params: { id: 'workflow' }, body: body({ version: 1 }), answers: 200 },
  'POST /api/workflows/:id/validate': { params: { id: 'workflow' }, answers: 200 },
  'POST /api/workflows/:id/nodes/:nodeId/trigger': {
    params: { id: 'workflow', nodeId: '=in' },
    body: body({ input: { text: 'price?' } }),
    answers: 202,
  },
  'POST /api/workflows/:id/nodes/:nodeId/test': {
    params: { id: 'workflow', nodeId: '=out' },
    body: async (idOf) => ({ eventId: await idOf('event') }),
    answers: 200,
  },
  'POST /api/workflows/:id/backtest': { params: { id: 'workflow' }, body: body({ events: 10 }), answers: 202 },
  'POST /api/executions/:id/cancel': { params: { id: 'waitingExecution' }, answers: 202, fresh: true },
  'POST /api/executions/:id/pause': { params: { id: 'waitingExecution' }, answers: 202, fresh: true },
  // It is not paused.
  'POST /api/executions/:id/resume': { params: { id: 'waitingExecution' }, answers: 409 },
  // It has not failed.
  'POST /api/executions/:id/retry': { params: { id: 'execution' }, body: body({ nodeId: 'out' }), answers: 409 },
  'POST /api/executions/:id/rerun': { params: { id: 'execution' }, body: body({ version: 'newest' }), answers: 202 },
  // It is over.
  'POST /api/executions/:id/effects/:key/resolve': {
    params: { id: 'execution', key: '=out' },
    body: body({ outcome: 'not_sent' }),
    answers: 409,
  },
  'POST /api/executions/bulk': { body: body({ action: 'pause', filter: { customerId: 'nobody' } }), answers: 202 },
  'POST /api/dead-letters/:id/retry': { params: { id: 'deadLetter' }, answers: 202, fresh: true },
  'DELETE /api/dead-letters/:id': { params: { id: 'deadLetter' }, answers: 204, fresh: true },
  'POST /api/dead-letters/retry': { body: body({ filter: { reason: 'not_storable' }, ratePerSecond: 5 }), answers: 202 },
  'POST /api/dead-letters/discard': { body: body({ filter: { reason: 'not_storable' } }), answers: 202 },
  'POST /api/workflows/:id/move-runs': { params: { id: 'workflow' }, body: body({ fromVersion: 1, toVersion: 1 }), answers: 202 },
  'POST /api/webhooks': {
    body: async (idOf) => ({
      name: 'Routes',
      workflowId: await idOf('workflow'),
      nodeId: 'in',
      provider: 'instagram',
      config: { channelId: await idOf('channel'), actionTypes: ['all'] },
    }),
    answers: 201,
    fresh: true,
  },
  'DELETE /api/webhooks/:id': { params: { id: 'webhook' }, answers: 204, fresh: true },
  // Nobody told command-api where the gateway is.
  'POST /api/webhooks/:id/test': { params: { id: 'webhook' }, answers: 503 },
  'POST /api/webhook-events/:id/replay': {
    params: { id: 'event' },
    body: async (idOf) => ({ reason: 'Routes', workflowIds: [await idOf('workflow')] }),
    answers: 202,
  },
  'POST /api/webhook-events/replay': {
    body: async (idOf) => ({
      name: 'Routes',
      filter: { channelId: await idOf('channel'), dateFrom: '2026-01-01T00:00:00Z', dateTo: '2026-01-02T00:00:00Z' },
      reason: 'Routes',
      dryRun: true,
    }),
    answers: 200,
  },
  'POST /api/replays/:id/pause': { params: { id: 'replay' }, answers: 202, fresh: true },
  'POST /api/replays/:id/resume': { params: { id: 'replay' }, answers: 202, fresh: true },
  'POST /api/replays/:id/cancel': { params: { id: 'replay' }, answers: 202, fresh: true },
  'POST /api/channels': { body: body(channelBody), answers: 201 },
  'PUT /api/channels/:id/credentials': {
    params: { id: 'channel' },
    body: body({ credentials: channelBody.credentials }),
    answers: 200,
    fresh: true,
  },
  'POST /api/channels/:id/hold': { params: { id: 'channel' }, answers: 200, fresh: true },
  'POST /api/channels/:id/release': { params: { id: 'channel' }, answers: 200, fresh: true },
  'POST /api/channels/:id/test': { params: { id: 'channel' }, answers: 200 },
  'DELETE /api/channels/:id': { params: { id: 'channel' }, answers: 204, fresh: true },
  'POST /api/provider-apps': { body: body(providerAppBody), answers: 201 },
  'DELETE /api/provider-apps/:id': { params: { id: 'providerApp' }, answers: 204, fresh: true },
  'POST /api/credentials': { body: body(credentialBody), answers: 201 },
  'DELETE /api/credentials/:id': { params: { id: 'credential' }, answers: 204, fresh: true },
  'POST /api/api-keys': { body: body({ name: 'Routes', role: 'viewer' }), answers: 201 },
  'DELETE /api/api-keys/:id': { params: { id: 'apiKey' }, answers: 204, fresh: true },
  'POST /api/tenants': { body: body({ name: 'Routes' }), answers: 201 },
  'PUT /api/tenants/:id/quotas': { params: { id: 'tenant' }, body: body({ dailyExecutions: 1_000_000 }), answers: 200 },
  'PUT /api/tenants/:id/env': { params: { id: 'tenant' }, body: body({ variables: { shop: 'Routes' } }), answers: 200 },

  'GET /api/api-keys': { answers: 200 },
  'GET /api/audit': { answers: 200 },
  'GET /api/blobs/:sha256': { params: { sha256: 'blob' }, answers: 200 },
  'GET /api/backtests/:id': { params: { id: 'backtest' }, answers: 200 },
  'GET /api/channels': { answers: 200 },
  'GET /api/channels/:id': { params: { id: 'channel' }, answers: 200 },
  'GET /api/channels/:id/events': { params: { id: 'channel' }, answers: 200 },
  'GET /api/channels/:id/source': { params: { id: 'channel' }, answers: 200 },
  'GET /api/replays': { query: async (idOf) => ({ webhookId: await idOf('webhook') }), answers: 200 },
  'GET /api/replays/:id': { params: { id: 'replay' }, answers: 200 },
  'GET /api/dead-letters': { query: async (idOf) => ({ status: 'open', workflowId: await idOf('workflow') }), answers: 200 },
  'GET /api/dead-letters/:id': { params: { id: 'deadLetter' }, answers: 200 },
  'GET /api/executions': { query: async (idOf) => ({ workflowId: await idOf('workflow') }), answers: 200 },
  'GET /api/executions/:id': [
    { params: { id: 'execution' }, answers: 200 },
    { params: { id: 'sendingExecution' }, answers: 200 },
    { params: { id: 'conversation' }, answers: 200 },
  ],
  'GET /api/jobs/:id': [
    { params: { id: 'execution' }, answers: 200 },
    { params: { id: 'nodeRun' }, answers: 200 },
  ],
  'GET /api/node-types': { answers: 200 },
  'GET /api/nodes/:nodeId/executions': {
    params: { nodeId: '=out' },
    query: async (idOf) => ({ workflowId: await idOf('workflow') }),
    answers: 200,
  },
  'GET /api/tenants/:id/usage': { params: { id: 'tenant' }, answers: 200 },
  'GET /api/webhook-events/:id': { params: { id: 'event' }, answers: 200 },
  'GET /api/webhooks': { query: async (idOf) => ({ workflowId: await idOf('workflow') }), answers: 200 },
  'GET /api/webhooks/:id': { params: { id: 'webhook' }, answers: 200 },
  'GET /api/webhooks/:id/events': { params: { id: 'webhook' }, answers: 200 },
  'GET /api/workflows': { answers: 200 },
  'GET /api/workflows/:id': { params: { id: 'workflow' }, answers: 200 },
  'GET /api/workflows/:id/diff': {
    params: { id: 'workflow' },
    query: () => Promise.resolve({ from: '1', to: '1' }),
    answers: 200,
  },
  'GET /api/workflows/:id/export': { params: { id: 'workflow' }, answers: 200 },
  'GET /api/workflows/:id/versions': { params: { id: 'workflow' }, answers: 200 },
  'GET /api/workflows/:id/versions/:version': { params: { id: 'workflow', version: '=1' }, answers: 200 },
  'GET /api/workflows/:id/executions': { params: { id: 'workflow' }, answers: 200 },
};
