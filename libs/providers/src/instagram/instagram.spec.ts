import { bodyOf, type ExpectedEvent, type ProviderCase, providerCases } from '@sluice/testing';
import type { CanonicalEvent, ProviderRequest } from '../adapter.js';
import { parseBody } from '../hostile.js';
import { instagram } from './instagram.js';

const cases = providerCases('instagram');

const requestOf = (each: ProviderCase): ProviderRequest => ({
  method: each.method,
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

/** What a gateway has to do with an adapter, in the order that it has to do it. */
function deliver(each: ProviderCase): Outcome {
  const request = requestOf(each);
  const secrets = { signingSecrets: each.secret === null ? [] : [each.secret], verifyToken: each.verifyToken };
  if (request.method === 'GET') {
    const answer = instagram.handshake(request, secrets);
    return answer.ok ? { ...answer, events: [] } : { status: 403, reason: answer.reason, events: [] };
  }
  if (request.body.length > instagram.bodyBytesMax) return { status: 413, reason: 'body_too_large', events: [] };
  const verification = instagram.verify(request, secrets);
  if (!verification.ok) return { status: 401, reason: verification.reason, events: [] };
  const parsed = parseBody(request.body);
  if (parsed.kind !== 'json') return { status: 400, reason: 'malformed_json', events: [] };
  return { status: 200, events: instagram.normalise(parsed.value, { externalAccountId: each.accountId, config: {} }) };
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
});

describe.each(cases)('recorded call: $name', (each) => {
  it('is answered and understood as expected', () => {
    const { status, reason, contentType, body, events } = deliver(each);
    const expected = each.expect;
    expect(status).toBe(expected.status);
    expect(reason).toBe(expected.rejectedBecause);
    if (expected.contentType !== undefined) expect(contentType).toMatch(new RegExp(`^${expected.contentType}`));
    if (typeof expected.body === 'string') expect(body).toBe(expected.body);
    expect(events.map((event, index) => comparable(event, expected.events[index]))).toEqual(expected.events);
    for (const event of events) expect(event.triggers).toBe(event.ignoredBecause === undefined);
  });
});

it('a redelivery brings the keys of the original again', () => {
  for (const each of cases) {
    const original = cases.find(({ name }) => name === each.duplicateOf);
    if (original === undefined) continue;
    const keys = deliver(each).events.map(({ dedupeKey }) => dedupeKey);
    for (const { dedupeKey } of deliver(original).events) expect(keys).toContain(dedupeKey);
  }
});

it('only names action types that its events can have', () => {
  for (const each of cases) {
    for (const { action, triggers } of deliver(each).events) if (triggers) expect(instagram.actionTypes).toContain(action);
  }
});

describe('the handshake', () => {
  const asked = (query: ProviderRequest['query'], verifyToken: string | undefined = 'token') =>
    instagram.handshake(
      { method: 'GET', body: Buffer.alloc(0), headers: {}, query, receivedAt: new Date(0) },
      { signingSecrets: [], verifyToken },
    );
  const query = { 'hub.mode': 'subscribe', 'hub.verify_token': 'token', 'hub.challenge': '007' };

  it('gives the challenge back as text, leading zeros and all', () => {
    expect(asked(query)).toEqual({ ok: true, status: 200, contentType: 'text/plain; charset=utf-8', body: '007' });
  });

  it.each(['hub.mode', 'hub.verify_token', 'hub.challenge'])('refuses a repeated %s', (name) => {
    expect(asked({ ...query, [name]: ['subscribe', 'token'] })).toEqual({ ok: false, reason: 'verify_parameter_repeated' });
  });

  it.each([
    ['hub.mode', undefined, 'verify_mode_missing'],
    ['hub.mode', 'unsubscribe', 'verify_mode_missing'],
    ['hub.verify_token', undefined, 'verify_token_mismatch'],
    ['hub.verify_token', 'toke', 'verify_token_mismatch'],
    ['hub.challenge', undefined, 'verify_challenge_missing'],
  ])('refuses %s = %s', (name, value, reason) => expect(asked({ ...query, [name]: value })).toEqual({ ok: false, reason }));

  it('refuses everybody where the channel has no token', () => {
    expect(asked({ ...query, 'hub.verify_token': '' }, '')).toEqual({ ok: false, reason: 'secret_missing' });
  });
});
