import type { ItemOf } from '@sluice/client';
import {
  compareAnswer,
  type ExpectedEvent,
  eventually,
  fire,
  type ProviderCase,
  providerCases,
  providersWithCases,
  resigned,
} from '@sluice/testing';
import { type Running, runServices, runStandalone } from './running.js';

type WebhookEvent = ItemOf<'channels.events'>;

/** A channel of the recorded calls: whatever shares a secret, an account and a config. */
interface RecordedChannel {
  readonly id: string;
  readonly cases: readonly ProviderCase[];
}

const senders = 32;
const times = 3;

const identityOf = ({ provider, secret, verifyToken, accountId, config }: ProviderCase): string =>
  JSON.stringify([provider, secret, verifyToken, accountId, config]);

const comparable = (event: ExpectedEvent | WebhookEvent, expected: ExpectedEvent) => ({
  kind: event.kind,
  action: event.action,
  accountId: event.accountId,
  customerId: event.customerId,
  direction: event.direction,
  // Without one of its own it is the time of receipt.
  occurredAt: expected.occurredAt === null ? null : event.occurredAt,
  triggers: event.triggers,
  text: event.text,
  payload: typeof event.payload === 'string' ? event.payload : undefined,
  emoji: event.emoji,
  replyTo: event.replyTo,
  ref: event.ref,
  foreignAccount: event.foreignAccount ?? false,
});

/** What the cases of a channel lead to, whatever their order: by key, or, where that is any stable one, by case. */
function expectedOf({ cases }: RecordedChannel, refused: ReadonlySet<ProviderCase>): Map<string, ExpectedEvent> {
  const accepted = cases.filter((one) => !refused.has(one));
  const events = accepted.flatMap((one) =>
    one.expect.events.map((event) => [event.dedupeKey ?? `${one.name}/${event.kind}`, event] as const),
  );
  return new Map(events);
}

describe.each([
  ['standalone', runStandalone],
  ['services on Redis', runServices],
])('recorded calls of every provider: %s', (_mode, run) => {
  let sluice: Running;
  let listener: string;
  /** That may be refused as well as accepted, and were: they lead to nothing. */
  const refused = new Set<ProviderCase>();

  beforeAll(async () => {
    sluice = await run({});
    const seen = { id: 'seen', type: 'data.set' as const, config: { values: { kind: '{{ trigger.kind }}' } } };
    const { id } = await sluice.client.call('workflows.create', {
      body: { name: 'seen', nodes: [{ id: 'in', type: 'trigger.webhook', config: {} }, seen], edges: [{ source: 'in', target: 'seen' }] },
    });
    await sluice.client.call('workflows.publish', { path: { id } });
    listener = id;
  }, 120_000);

  afterAll(() => sluice?.stop(), 60_000);

  /** New channels for these cases, with somebody who listens to all that comes. */
  async function channelsFor(cases: readonly ProviderCase[]): Promise<RecordedChannel[]> {
    const channels: RecordedChannel[] = [];
    for (const group of Map.groupBy(cases, identityOf).values()) {
      const [first] = group;
      if (first === undefined) continue;
      const { provider, secret, verifyToken, accountId, config } = first;
      const { id } = await sluice.client.call('channels.create', {
        body: {
          provider,
          name: `Recorded ${provider}`,
          config,
          ...(accountId === null ? {} : { externalAccountId: accountId }),
          credentials: { signingSecrets: [secret ?? 'nothing is signed here'], ...(verifyToken === undefined ? {} : { verifyToken }) },
        },
      });
      await sluice.client.call('webhooks.create', {
        body: { name: provider, workflowId: listener, nodeId: 'in', provider, config: { channelId: id, actionTypes: ['all'] } },
      });
      channels.push({ id, cases: group });
    }
    return channels;
  }

  async function send(one: ProviderCase, channelId: string): Promise<void> {
    const answer = await fire(sluice.urls.gateway, one, channelId);
    expect({ case: one.name, problems: compareAnswer(one, answer) }).toEqual({ case: one.name, problems: [] });
    if (one.expect.statusAlsoOk.includes(answer.status)) refused.add(one);
  }

  const eventsOf = async (channelId: string): Promise<WebhookEvent[]> => {
    const events: WebhookEvent[] = [];
    for await (const event of sluice.client.items('channels.events', { path: { id: channelId } })) events.push(event);
    return events;
  };

  /** Each event is there once, and started whoever listens once, if it is one that does. */
  async function expectOnce(channel: RecordedChannel): Promise<WebhookEvent[]> {
    const expected = expectedOf(channel, refused);
    return eventually(async () => {
      const events = await eventsOf(channel.id);
      const keys = events.map(({ dedupeKey }) => dedupeKey);
      expect(new Set(keys).size).toBe(keys.length);
      expect(keys).toEqual(expect.arrayContaining([...expected.keys()].filter((key) => !key.includes('/'))));
      expect(keys).toHaveLength(expected.size);
      for (const { dedupeKey, triggers, status, executionIds } of events) {
        const became = triggers ? { status: 'processed', runs: 1 } : { status: 'ignored', runs: 0 };
        expect({ dedupeKey, status, runs: executionIds.length }).toEqual({ dedupeKey, ...became });
      }
      return events;
    });
  }

  it.each(providersWithCases())(
    '%s: answers and events, field by field; sent again, nothing changes',
    async (provider) => {
      const channels = await channelsFor(providerCases(provider).map((one) => resigned(one, new Date())));
      for (let time = 1; time <= 2; time += 1) {
        for (const channel of channels) {
          for (const one of channel.cases) await send(one, channel.id);
          const events = await expectOnce(channel);
          for (const [key, expected] of expectedOf(channel, refused)) {
            const alike = events.filter(({ dedupeKey, kind }) =>
              expected.dedupeKey === null ? kind === expected.kind : dedupeKey === key,
            );
            expect(alike.map((event) => comparable(event, expected))).toContainEqual(comparable(expected, expected));
          }
        }
      }
    },
    120_000,
  );

  it(`all of them ${times} times in random order, ${senders} at a time: each event is there once and ran once`, async () => {
    const channels = await channelsFor(
      providersWithCases()
        .flatMap(providerCases)
        .map((one) => resigned(one, new Date())),
    );
    const calls = channels
      .flatMap(({ id, cases }) => cases.flatMap((one) => Array.from({ length: times }, () => ({ id, one }))))
      .map((call) => ({ call, place: Math.random() }))
      .toSorted((a, b) => a.place - b.place)
      .map(({ call }) => call);
    const sender = async (): Promise<void> => {
      for (let next = calls.pop(); next !== undefined; next = calls.pop()) await send(next.one, next.id);
    };
    await Promise.all(Array.from({ length: senders }, sender));
    for (const channel of channels) await expectOnce(channel);
  }, 180_000);
});
