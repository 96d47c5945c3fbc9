import { randomBytes, randomUUID } from 'node:crypto';
import { type Api, metaJson, signInstagram } from '@sluice/testing';

/** What a message asks its workflow to do. */
export const routes = ['plain', 'call', 'once', 'wait', 'each', 'join'] as const;
export type Route = (typeof routes)[number];

/** A tenant with one channel and a workflow that listens to it. Whatever it sends or keeps secret bears its marker. */
export interface ChaosTenant {
  readonly id: string;
  readonly api: Api;
  readonly marker: string;
  readonly account: string;
  /** Of its channel */
  readonly secret: string;
  readonly channelId: string;
  readonly workflowId: string;
  /** Its runs take turns by customer. */
  readonly inLineWorkflowId: string;
  /** `/webhooks/<channel>/instagram/message` */
  readonly path: string;
}

export interface Delivery {
  readonly tenant: ChaosTenant;
  readonly mid: string;
  readonly dedupeKey: string;
  readonly route: Route | 'line';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const edge = (source: string, target: string, sourceHandle?: string) => ({
  source,
  target,
  ...(sourceHandle !== undefined && { sourceHandle }),
});
/** So often that a target in trouble is always reached in the end. */
const persistent = { retry: { maxAttempts: 20, backoff: 'fixed', delayMs: 200 } };

/** The marker of secrets: wherever it is found outside the store's envelopes and this process, something leaked. */
export const secretMarker = 'SECRETchaos';

export async function makeTenant(api: Api, id: string, name: string, target: string): Promise<ChaosTenant> {
  const marker = `mark${name}${randomBytes(4).toString('hex')}`;
  const account = `1784${randomBytes(6).readUIntBE(0, 6)}`;
  const secret = `${secretMarker}${randomBytes(12).toString('hex')}`;
  const { id: channelId } = await api.made('/api/channels', {
    provider: 'instagram',
    name: `${name} ${marker}`,
    externalAccountId: account,
    credentials: { signingSecrets: [secret], accessToken: `${secretMarker}${randomBytes(12).toString('hex')}` },
  });
  const call = (path: string) => ({
    method: 'POST',
    url: `http://${target}${path}`,
    body: { message: '{{ trigger.dedupeKey }}' },
  });
  const workflowId = await published(api, {
    name: `chaos ${marker}`,
    nodes: [
      { id: 'in', type: 'trigger.webhook', config: {} },
      {
        id: 'which',
        type: 'logic.switch',
        config: { value: 'trigger.text', cases: routes.map((route) => ({ name: route, equals: route })) },
      },
      { id: 'call', type: 'http.request', config: call('/apply'), policy: { ...persistent, effect: 'idempotent' } },
      { id: 'once', type: 'http.request', config: call('/count'), policy: { ...persistent, effect: 'at_most_once' } },
      { id: 'wait', type: 'flow.delay', config: { ms: 300 } },
      { id: 'each', type: 'logic.forEach', config: { items: '[1, 2, 3]', concurrency: 2 } },
      { id: 'item', type: 'http.request', config: call('/apply'), policy: persistent },
      { id: 'left', type: 'flow.delay', config: { ms: 100 } },
      { id: 'right', type: 'http.request', config: call('/apply'), policy: persistent },
      { id: 'both', type: 'logic.merge', config: { mode: 'all' } },
      { id: 'end', type: 'data.set', config: { values: { of: '{{ customer.id }}' } } },
    ],
    edges: [
      edge('in', 'which'),
      edge('which', 'end', 'plain'),
      edge('which', 'call', 'call'),
      edge('which', 'once', 'once'),
      edge('which', 'wait', 'wait'),
      edge('which', 'each', 'each'),
      edge('which', 'left', 'join'),
      edge('which', 'right', 'join'),
      edge('each', 'item', 'item'),
      edge('left', 'both'),
      edge('right', 'both'),
      ...['call', 'once', 'wait', 'both'].map((source) => edge(source, 'end')),
      edge('each', 'end', 'done'),
    ],
  });
  const inLineWorkflowId = await published(api, {
    name: `in line ${marker}`,
    nodes: [
      { id: 'in', type: 'trigger.webhook', config: {} },
      {
        id: 'append',
        type: 'http.request',
        config: call('/line/{{ customer.id }}'),
        policy: { ...persistent, effect: 'idempotent' },
      },
    ],
    edges: [edge('in', 'append')],
    settings: { concurrency: { key: 'customer.id', limit: 1 } },
  });
  const listen = (workflow: string, text: string) =>
    api.made('/api/webhooks', {
      name: text,
      workflowId: workflow,
      nodeId: 'in',
      provider: 'instagram',
      config: { channelId, actionTypes: ['message'], filter: text },
    });
  await listen(workflowId, "trigger.text != 'line'");
  await listen(inLineWorkflowId, "trigger.text = 'line'");
  return {
    id,
    api,
    marker,
    account,
    secret,
    channelId,
    workflowId,
    inLineWorkflowId,
    path: `/webhooks/${channelId}/instagram/message`,
  };
}

async function published(api: Api, definition: object): Promise<string> {
  const { id } = await api.made('/api/workflows', definition);
  await api.made(`/api/workflows/${id}/publish`);
  return id;
}

/** A message of a customer of the tenant, signed as Meta signs. */
export function deliveryOf(tenant: ChaosTenant, route: Delivery['route'], customer: number | string): Delivery {
  const { account, secret, marker } = tenant;
  const mid = `${marker}-${randomUUID()}`;
  const now = Date.now();
  const message = { sender: { id: `${marker}-c${customer}` }, recipient: { id: account }, timestamp: now, message: { mid, text: route } };
  const body = metaJson({ object: 'instagram', entry: [{ id: account, time: now, messaging: [message] }] });
  return {
    tenant,
    mid,
    dedupeKey: `instagram:${account}:message:${mid}`,
    route,
    headers: { 'content-type': 'application/json', 'x-hub-signature-256': signInstagram(secret, body) },
    body,
  };
}
