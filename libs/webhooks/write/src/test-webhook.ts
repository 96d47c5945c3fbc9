import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { ChannelNotFound } from '@sluice/channels-domain';
import { ChannelEncryption, PUBLIC_URL, queryableOf, readChannel } from '@sluice/channels-write';
import { webhookTestSteps } from '@sluice/contracts';
import { DomainError, newId } from '@sluice/kernel';
import { storeClock } from '@sluice/platform-database';
import { CommandStore } from '@sluice/platform-event-log';
import { currentCorrelation } from '@sluice/platform-telemetry';
import { type CanonicalEvent, type Channel, parseBody, type ProviderAdapter, providerNamed, type SampleCall } from '@sluice/providers';
import { type Webhook, WebhookNotFound } from '@sluice/webhooks-domain';
import type { EntityManager } from 'typeorm';
import { CallGateway, type GatewayAnswer, OWN_URL } from './call-gateway.js';
import { listensTo } from './ingest/accept-delivery.js';
import { testHeader, testMark } from './test-mark.js';
import { webhookTable } from './webhook.table.js';

type StepName = (typeof webhookTestSteps)[number];

export interface TestStep {
  readonly name: StepName;
  readonly ok: boolean;
  readonly detail: string;
}

export interface WebhookTested {
  /** In their order; after one that failed there are no more. */
  readonly steps: readonly TestStep[];
  readonly eventId?: string;
  readonly executionId?: string;
}

export class TestIsUnavailable extends DomainError {
  constructor(provider: string) {
    super(
      'invalid',
      'test_unavailable',
      `There is no test delivery for this ${provider} channel: it has nothing to sign one with. Check its signing secrets and its config.`,
    );
  }
}

/** Makes a delivery as the provider would, and looks how far it comes. It starts what listens, so its run is real, and marked as a test. */
export class TestWebhook extends Command<WebhookTested> {
  constructor(
    readonly tenantId: string,
    readonly webhookId: string,
  ) {
    super();
  }
}

/** A run that begins within this time is seen; one that comes later comes all the same. */
const runMsMax = 5_000;
const lookEveryMs = 100;

@CommandHandler(TestWebhook)
export class TestWebhookHandler implements ICommandHandler<TestWebhook> {
  constructor(
    private readonly store: CommandStore,
    private readonly encryption: ChannelEncryption,
    private readonly gateway: CallGateway,
    @Inject(PUBLIC_URL) private readonly publicUrl: string | undefined,
    @Inject(OWN_URL) private readonly ownUrl: string,
  ) {}

  async execute({ tenantId, webhookId }: TestWebhook): Promise<WebhookTested> {
    // What is kept for a retry is the id alone: a retry looks at the same delivery again.
    const { testId } = await this.store.transaction(tenantId, async (tx) => {
      await findWebhook(tx.manager, tenantId, webhookId);
      return { testId: newId() };
    });
    const { webhook, channel, published } = await this.store.read(tenantId, async (manager) => {
      const webhook = await findWebhook(manager, tenantId, webhookId);
      return {
        webhook,
        channel: await this.channelOf(manager, webhook),
        published: await isPublished(manager, webhook),
      };
    });
    const adapter = providerNamed(webhook.provider);
    const sample = adapter?.sample(channel, { id: testId, at: storeClock.now(), url: webhook.endpoint });
    if (adapter === undefined || sample === undefined) throw new TestIsUnavailable(webhook.provider);

    const marked = {
      ...sample,
      headers: { ...sample.headers, [testHeader]: testMark(this.encryption.keys, webhook.channelId, sample.body) },
    };
    const answer = await this.gateway.call(this.publicUrl, webhook.endpoint, marked, currentCorrelation()?.correlationId ?? newId());
    const route = passedStep('route', `${this.publicUrl ?? ''}${webhook.endpoint}`);
    if (sample.unsigned !== undefined && (answer.accepted || answer.code === 'signature_refused')) {
      return { steps: [route, failedStep('signature', unsignedSaid(webhook.provider, answer.accepted, sample.unsigned))] };
    }
    const refused = refusedSteps(answer);
    if (refused !== undefined) return { steps: refused };

    const event = eventIn(adapter, sample, channel);
    const passed: TestStep[] = [
      route,
      passedStep('signature', 'It is that of the channel.'),
      passedStep('parse', `It is an event of the kind ${event.kind}.`),
    ];
    return this.follow(webhook, event, published, passed);
  }

  private async channelOf(manager: EntityManager, { tenantId, channelId }: Webhook): Promise<Channel> {
    const opened = await readChannel(queryableOf(manager), channelId, this.encryption, tenantId);
    if (opened === undefined || opened.status === 'deleted') throw new ChannelNotFound(channelId);
    return { ...opened, publicUrl: this.publicUrl ?? this.ownUrl };
  }

  /** The gateway has acknowledged it: what is there now, and what comes of it? */
  private async follow(
    webhook: Webhook,
    { dedupeKey, action }: CanonicalEvent,
    published: boolean,
    passed: TestStep[],
  ): Promise<WebhookTested> {
    const look = () => this.store.read(webhook.tenantId, (manager) => findOutcome(manager, webhook, dedupeKey));
    let outcome = await look();
    if (outcome === undefined) return { steps: [...passed, failedStep('record', 'It was acknowledged, and is not there.')] };
    const { id: eventId, status, ignored_because: why } = outcome;
    const recorded = passedStep(
      'record',
      status === 'ignored' ? `It is recorded as ignored: ${why}.` : `It is recorded as the event ${eventId}.`,
    );
    const deaf = deafBecause(webhook, action, published, why);
    if (deaf !== undefined) return { eventId, steps: [...passed, recorded, failedStep('listeners', deaf)] };
    const steps = [...passed, recorded, passedStep('listeners', `This webhook takes ${action}, and its workflow is published.`)];

    const until = performance.now() + runMsMax;
    while (outcome?.status === 'received' && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
      outcome = await look();
    }
    const executionId = outcome?.execution_id ?? undefined;
    if (executionId !== undefined) {
      return { eventId, executionId, steps: [...steps, passedStep('run', `It began the execution ${executionId}.`)] };
    }
    return { eventId, steps: [...steps, failedStep('run', noRunBecause(outcome?.status, webhook))] };
  }
}

const passedStep = (name: StepName, detail: string): TestStep => ({ name, ok: true, detail });
const failedStep = (name: StepName, detail: string): TestStep => ({ name, ok: false, detail });

/** That it is refused shows that the gateway knows the channel and checks. What comes behind the signature nobody but the provider can try. */
const unsignedSaid = (provider: string, accepted: boolean, instead: string): string =>
  accepted
    ? 'It was accepted, and is not signed: whatever answers there is not the gateway.'
    : `Not tried: the channel has only a public key of ${provider}, so a test cannot be signed. One without was refused, as it should be. ${instead}`;

/** Which step the gateway refused at; undefined: none. */
function refusedSteps(answer: GatewayAnswer): TestStep[] | undefined {
  if (answer.accepted) return undefined;
  const { code, detail } = answer;
  const failed: Readonly<Record<string, StepName>> = { signature_refused: 'signature', malformed_json: 'parse', body_too_large: 'parse' };
  const isRecording = code === 'webhook_quota_used_up' || code === 'overloaded' || code === 'unavailable';
  const at = failed[code] ?? (isRecording ? 'record' : 'route');
  const before = webhookTestSteps.slice(0, webhookTestSteps.indexOf(at));
  return [...before.map((name) => passedStep(name, '')), failedStep(at, detail)];
}

/** What the gateway will have made of the sample. */
function eventIn(adapter: ProviderAdapter, { headers, query = {}, body }: SampleCall, channel: Channel): CanonicalEvent {
  const request = { method: 'POST', url: '/', headers, query, body, receivedAt: storeClock.now() };
  const parsed = adapter.parse?.(request) ?? parseBody(body);
  const [event] = parsed.kind === 'json' ? adapter.normalise(parsed.value, channel, request) : [];
  if (event === undefined) throw new Error(`the sample of ${adapter.name} makes no event`);
  return event;
}

function deafBecause(
  { actionTypes, status }: Webhook,
  action: string,
  published: boolean,
  ignoredBecause: string | null,
): string | undefined {
  if (status !== 'active') return 'This webhook is inactive. Register it anew.';
  if (ignoredBecause === 'other_path' || !listensTo(actionTypes, action)) {
    return `This webhook takes ${actionTypes.join(', ')}, and the test is a ${action}: the delivery arrives, and starts nothing of it.`;
  }
  if (ignoredBecause !== null) return `The event is ignored: ${ignoredBecause}.`;
  return published ? undefined : 'Its workflow is not published. Publish it.';
}

function noRunBecause(status: string | undefined, { filter }: Webhook): string {
  if (status === 'held') return 'The channel is held: the run begins when it is released.';
  if (status === 'failed') return 'The start of its run failed; the event says why.';
  if (status === 'received') return `It has not begun within ${runMsMax} ms: check that workers run and are not behind.`;
  return filter === null
    ? 'No run began: a run of the workflow waited for this event, or its version has not this node.'
    : 'No run began: the filter of this webhook is not true of the test.';
}

async function findWebhook(manager: EntityManager, tenantId: string, id: string): Promise<Webhook> {
  const webhook = await manager.findOne(webhookTable, { where: { tenantId, id } });
  if (webhook === null) throw new WebhookNotFound(id);
  return webhook;
}

async function isPublished(manager: EntityManager, { tenantId, workflowId }: Webhook): Promise<boolean> {
  const rows: unknown[] = await manager.query(`SELECT FROM workflows WHERE tenant_id = $1 AND id = $2 AND status = 'published'`, [
    tenantId,
    workflowId,
  ]);
  return rows.length > 0;
}

interface Outcome {
  readonly id: string;
  readonly status: string;
  readonly ignored_because: string | null;
  readonly execution_id: string | null;
}

async function findOutcome(
  manager: EntityManager,
  { tenantId, channelId, workflowId, nodeId }: Webhook,
  dedupeKey: string,
): Promise<Outcome | undefined> {
  const rows: Outcome[] = await manager.query(
    `SELECT w.id, w.status, w.ignored_because, e.id AS execution_id FROM webhook_events w
     LEFT JOIN workflow_executions e ON e.tenant_id = w.tenant_id AND e.workflow_id = $3 AND e.start_key = 'e:' || w.id || ':' || $4
     WHERE w.tenant_id = $1 AND w.channel_id = $2 AND w.dedupe_key = $5`,
    [tenantId, channelId, workflowId, nodeId, dedupeKey],
  );
  return rows[0];
}
