import { bodyOf, type ExpectedEvent, type ProviderCase, providerCases, providersWithCases, resigned } from '@sluice/testing';
import type { CanonicalEvent, Channel, ProviderAdapter, ProviderRequest } from './adapter.js';
import { parseBody } from './hostile.js';
import { providerNamed, providers } from './registry.js';

const requestOf = (each: ProviderCase): ProviderRequest => ({
  method: each.method,
  url: each.path,
  body: bodyOf(each),
  headers: Object.fromEntries(Object.entries(each.headers).map(([name, value]) => [name.toLowerCase(), value])),
  query: each.query,
  receivedAt: each.receivedAt,
});

interface Outcome {
  readonly status: number;
  readonly reason?: string;
  readonly contentType?: string;
  readonly body?: string;
  readonly events: readonly CanonicalEvent[];
}

const received = { status: 200, contentType: 'application/json', body: '{"status":"received"}' };

/** What a gateway has to do with an adapter, in the order that it has to do it. */
function deliver(adapter: ProviderAdapter, each: ProviderCase): Outcome {
  const request = requestOf(each);
  const channel: Channel = {
    externalAccountId: each.accountId,
    config: each.config,
    publicUrl: 'https://hooks.example.com',
    secrets: {
      signingSecrets: each.secret === null ? [] : [each.secret],
      ...(each.verifyToken !== undefined && { verifyToken: each.verifyToken }),
    },
  };
  if (request.method === 'GET') {
    const answer = adapter.handshake?.(request, channel) ?? { ok: false, reason: 'handshake_unsupported' };
    return answer.ok ? { ...answer, events: [] } : { status: 403, reason: answer.reason, events: [] };
  }
  if (request.body.length > adapter.bodyBytesMax) return { status: 413, reason: 'body_too_large', events: [] };
  const verification = adapter.verify(request, channel);
  if (!verification.ok) return { status: 401, reason: verification.reason, events: [] };
  const parsed = adapter.parse?.(request) ?? parseBody(request.body);
  if (parsed.kind !== 'json') return { status: 400, reason: 'malformed_json', events: [] };
  return { ...received, ...adapter.answer?.(parsed.value), events: adapter.normalise(parsed.value, channel, request) };
}

const comparable = (event: CanonicalEvent, expected: ExpectedEvent | undefined): ExpectedEvent => ({
  kind: event.kind,
  action: event.action,
  dedupeKey: expected?.dedupeKey === null ? null : event.dedupeKey,
  accountId: event.accountId,
  customerId: event.customerId,
  direction: event.direction,
  occurredAt: event.occurredAt,
  triggers: event.triggers,
  text: event.text,
  payload: typeof event.payload === 'string' ? event.payload : undefined,
  emoji: event.emoji,
  attachments: expected?.attachments && event.attachments?.map(({ type }) => type),
  replyTo: event.replyTo,
  ref: event.ref,
  foreignAccount: event.foreignAccount,
  conversationId: expected?.conversationId && event.conversationId,
  customerAliases: event.customerAliases,
  errorCode: event.errorCode,
});

it('every provider that there are recorded calls of has an adapter, and the other way round', () => {
  expect([...providers.keys()].toSorted()).toEqual(providersWithCases());
});

describe.each([...providers.keys()])('%s', (name) => {
  const adapter = providerNamed(name);
  if (adapter === undefined) throw new Error(`there is no ${name}`);
  const cases = providerCases(name);

  const expectAnswered = (each: ProviderCase) => {
    const { status, reason, contentType, body, events } = deliver(adapter, each);
    const expected = each.expect;
    expect([expected.status, ...expected.statusAlsoOk]).toContain(status);
    if (status !== expected.status) return;
    expect(reason).toBe(expected.rejectedBecause);
    if (expected.contentType !== undefined) expect(contentType).toMatch(new RegExp(`^${expected.contentType}`));
    if (typeof expected.body === 'string') expect(body).toBe(expected.body);
    if (typeof expected.body === 'object') expect(JSON.parse(body ?? '')).toMatchObject(expected.body);
    expect(events.map((event, index) => comparable(event, expected.events[index]))).toEqual(expected.events);
    for (const event of events) expect(event.triggers).toBe(event.ignoredBecause === undefined);
  };

  it.each(cases)('$name: is answered and understood as expected', expectAnswered);

  it.each(cases)('$name: is so at any other time, if it is signed then', (each) => {
    expectAnswered(resigned(each, new Date('2027-03-04T05:06:07.891Z')));
  });

  it('a redelivery brings the keys of the original again', () => {
    for (const each of cases) {
      const original = cases.find((other) => other.name === each.duplicateOf);
      if (original === undefined) continue;
      // A batch may come again in part, or with others.
      const keys = [original, each].map((delivered) => deliver(adapter, delivered).events.map(({ dedupeKey }) => dedupeKey));
      const [fewer, more] = keys.toSorted((a, b) => a.length - b.length);
      expect(more).toEqual(expect.arrayContaining(fewer ?? []));
    }
  });

  it('only names action types that its events can have', () => {
    for (const each of cases) {
      for (const { action, triggers } of deliver(adapter, each).events) if (triggers) expect(adapter.actionTypes).toContain(action);
    }
  });
});
