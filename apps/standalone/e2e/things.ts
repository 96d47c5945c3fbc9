import { randomUUID } from 'node:crypto';
import { Api, eventually, metaJson, signInstagram, type SluiceUrls } from '@sluice/testing';
import {
  channelBody,
  conversationBody,
  credentialBody,
  failingBody,
  type Kind,
  kinds,
  providerAppBody,
  sendingBody,
  sendingChannelBody,
  signingSecret,
  waitingBody,
  workflowBody,
} from './route-cases.js';

interface Tenant {
  readonly id: string;
  /** Of an admin */
  readonly key: string;
}

/** A tenant's things, made through the APIs when they are first asked for. */
export class Things {
  private readonly made = new Map<Kind, Promise<string>>();
  private readonly api: Api;

  constructor(
    private readonly urls: SluiceUrls,
    private readonly tenant: Tenant,
  ) {
    this.api = new Api(urls, tenant.key);
  }

  readonly idOf = (kind: Kind): Promise<string> => {
    const known = this.made.get(kind) ?? this.make[kind]();
    this.made.set(kind, known);
    return known;
  };

  /** One of each kind, and what comes of them. */
  async every(): Promise<readonly string[]> {
    const ids: string[] = [];
    for (const kind of kinds) ids.push(await this.idOf(kind));
    const { channelId } = await this.api.read<{ channelId: string }>(`/api/webhook-events/${await this.idOf('event')}`);
    // Gateways tell of it every ten seconds.
    await eventually(
      async () => {
        const { lastAcceptedAt } = await this.api.read<{ lastAcceptedAt: string | null }>(`/api/channels/${channelId}/source`);
        return lastAcceptedAt !== null;
      },
      { timeoutMs: 40_000 },
    );
    return ids;
  }

  /** The same tenant with nothing made yet. */
  anew(): Things {
    return new Things(this.urls, this.tenant);
  }

  private readonly make: Readonly<Record<Kind, () => Promise<string>>> = {
    workflow: () => this.published(workflowBody),
    channel: async () => {
      const { id } = await this.api.made('/api/channels', channelBody);
      await this.api.made(`/api/channels/${id}/test`);
      return this.shown(`/api/channels/${id}`, id);
    },
    webhook: async () => {
      const config = { channelId: await this.idOf('channel'), actionTypes: ['all'] };
      const listening = { name: 'Routes', workflowId: await this.idOf('workflow'), nodeId: 'in', provider: 'instagram', config };
      const { id } = await this.api.made('/api/webhooks', listening);
      return this.shown(`/api/webhooks/${id}`, id);
    },
    credential: async () => (await this.api.made('/api/credentials', credentialBody)).id,
    event: async () => {
      const channelId = await this.idOf('channel');
      await this.message(channelId);
      return eventually(async () => {
        const [event] = await this.api.all<{ id: string }>(`/api/channels/${channelId}/events`);
        if (event === undefined) throw new Error('the event is not shown yet');
        return event.id;
      });
    },
    execution: async () => this.run(await this.idOf('workflow'), 'completed'),
    sendingExecution: async () => {
      const { id } = await this.api.made('/api/channels', sendingChannelBody);
      return this.run(await this.published(sendingBody(id)), 'completed');
    },
    waitingExecution: async () => this.run(await this.published(waitingBody), 'waiting'),
    nodeRun: async () => {
      const { nodes } = await this.api.read<{ nodes: { id: string }[] }>(`/api/executions/${await this.idOf('execution')}`);
      return nodes[0]?.id ?? '';
    },
    blob: async () => {
      const large = { id: 'large', type: 'data.set', config: { values: { text: this.tenant.id.repeat(2_000) } } };
      const nodes = [{ id: 'in', type: 'trigger.manual', config: {} }, large];
      const id = await this.run(await this.published({ name: 'Large', nodes, edges: [{ source: 'in', target: 'large' }] }), 'completed');
      const { output } = await this.api.read<{ output: { $blob: { sha256: string } } }>(`/api/executions/${id}`);
      return output.$blob.sha256;
    },
    backtest: async () => {
      const { workflowId } = await this.api.read<{ workflowId: string }>(`/api/executions/${await this.idOf('conversation')}`);
      const { backtestId } = await this.api.made<{ backtestId: string }>(`/api/workflows/${workflowId}/backtest`, {});
      return eventually(async () => {
        const { status } = await this.api.read<{ status: string }>(`/api/backtests/${backtestId}`);
        if (status !== 'completed') throw new Error(`the backtest is ${status}`);
        return backtestId;
      });
    },
    replay: async () => {
      const { channelId } = await this.api.read<{ channelId: string }>(`/api/webhook-events/${await this.idOf('event')}`);
      const filter = { channelId, dateFrom: '2026-01-01T00:00:00Z', dateTo: '2100-01-01T00:00:00Z' };
      // So slow that it is never over.
      const asked = { name: 'Routes', filter, ratePerSecond: 0.01, reason: 'Routes' };
      const { replayId } = await this.api.made<{ replayId: string }>('/api/webhook-events/replay', asked);
      return this.shown(`/api/replays/${replayId}`, replayId);
    },
    deadLetter: async () => {
      const manual = {
        ...workflowBody,
        nodes: workflowBody.nodes.map((node) => (node.id === 'in' ? { ...node, type: 'trigger.manual' } : node)),
      };
      const rescue = await this.published(manual);
      const failing = await this.published(failingBody(rescue));
      const { status } = await this.api.call('DELETE', `/api/workflows/${rescue}`);
      if (status !== 204) throw new Error(`archiving was answered ${status}`);
      await this.run(failing, 'failed');
      return eventually(async () => {
        const [letter] = await this.api.all<{ id: string }>(`/api/dead-letters?workflowId=${rescue}`);
        if (letter === undefined) throw new Error('nothing was given up yet');
        return letter.id;
      });
    },
    conversation: async () => {
      const { id: channelId } = await this.api.made('/api/channels', channelBody);
      const workflowId = await this.published(conversationBody);
      const config = { channelId, actionTypes: ['message'] };
      await this.api.made('/api/webhooks', { name: 'Routes', workflowId, nodeId: 'in', provider: 'instagram', config });
      const runs = () => this.api.all<{ id: string; status: string }>(`/api/workflows/${workflowId}/executions`);
      await this.message(channelId);
      await eventually(async () => (await runs()).some(({ status }) => status === 'waiting'));
      await this.message(channelId);
      return eventually(async () => {
        const heard = (await runs()).find(({ status }) => status === 'completed');
        if (heard === undefined) throw new Error('nobody has heard the answer yet');
        return heard.id;
      });
    },
    tenant: () => Promise.resolve(this.tenant.id),
    providerApp: async () => (await this.api.made('/api/provider-apps', providerAppBody)).id,
    apiKey: async () => {
      const headers = { 'idempotency-key': randomUUID() };
      const { status, body } = await this.api.call<{ id: string }>('POST', '/api/api-keys', { name: 'Routes', role: 'viewer' }, headers);
      if (status !== 201) throw new Error(`the API key was answered ${status}`);
      return body.id;
    },
  };

  private async message(channelId: string): Promise<void> {
    const timestamp = Date.now();
    const messaging = [{ sender: { id: '9001' }, recipient: { id: '17' }, timestamp, message: { mid: randomUUID(), text: 'price?' } }];
    const delivery = metaJson({ object: 'instagram', entry: [{ id: '17', time: timestamp, messaging }] });
    const answer = await fetch(`${this.urls.gateway}/webhooks/${channelId}/instagram/message`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-hub-signature-256': signInstagram(signingSecret, delivery) },
      body: delivery,
    });
    if (!answer.ok) throw new Error(`the delivery was answered ${answer.status}: ${await answer.text()}`);
  }

  private async published(body: object): Promise<string> {
    const { id } = await this.api.made('/api/workflows', body);
    await this.api.made(`/api/workflows/${id}/publish`);
    return this.shown(`/api/workflows/${id}`, id);
  }

  private async run(workflowId: string, until: 'completed' | 'waiting' | 'failed'): Promise<string> {
    const input = { text: 'price?' };
    const started = await this.api.made<{ executionId: string }>(`/api/workflows/${workflowId}/nodes/in/trigger`, { input });
    return eventually(async () => {
      const { status } = await this.api.read<{ status: string }>(`/api/executions/${started.executionId}`);
      if (status !== until) throw new Error(`the execution is ${status}`);
      return started.executionId;
    });
  }

  private async shown(path: string, id: string): Promise<string> {
    await eventually(() => this.api.read(path));
    return id;
  }
}
