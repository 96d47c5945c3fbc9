import { createHash, createHmac } from 'node:crypto';
import type { Json } from '@sluice/kernel';
import { bodyOf, callOf, callTime, channelOf, providerCases } from '@sluice/testing';
import { hubspot } from './hubspot.js';

const secret = 'yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy';
const body = '[]';
const refused = (reason: string) => ({ ok: false, reason });

describe('version 3', () => {
  const time = String(callTime.getTime());
  const headersFor = (uri: string) => ({
    'x-hubspot-signature-v3': createHmac('sha256', secret).update(`POST${uri}${body}${time}`).digest('base64'),
    'x-hubspot-request-timestamp': time,
  });
  const verified = (uri: string, url: string, config = {}) =>
    hubspot.verify(callOf(body, headersFor(uri), { url }), channelOf([secret], config));

  it('signs our public address, query included, whatever the Host header says', () => {
    expect(verified('https://hooks.example.com/w?b=2&a=1', '/w?b=2&a=1')).toEqual({ ok: true });
    expect(verified('https://hooks.example.com/w', '/w?b=2&a=1')).toEqual(refused('signature_mismatch'));
    expect(verified('http://hooks.example.com/w', '/w')).toEqual(refused('signature_mismatch'));
  });

  it('may sign some characters decoded', () => {
    expect(verified('https://hooks.example.com/w?to=a@b:c&x=%20', '/w?to=a%40b%3Ac&x=%20')).toEqual({ ok: true });
    expect(verified('https://hooks.example.com/w?to=a%40b%3Ac', '/w?to=a%40b%3Ac')).toEqual({ ok: true });
  });

  it('signs the address of the channel, where it has one of its own', () => {
    expect(verified('https://proxy.example.com/in', '/w', { publicUrl: 'https://proxy.example.com/in' })).toEqual({ ok: true });
  });
});

describe('the older versions', () => {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const legacy = { legacySignatures: true };
  const verified = (signature: string, version: string, config: Record<string, Json> = legacy, more = {}) =>
    hubspot.verify(
      callOf(body, { 'x-hubspot-signature': signature, 'x-hubspot-signature-version': version, ...more }),
      channelOf([secret], config),
    );

  it('are refused, unless the channel takes them', () => {
    expect(verified(sha256(secret + body), 'v1', {})).toEqual(refused('signature_missing'));
    expect(verified(sha256(secret + body), 'v1')).toEqual({ ok: true });
    expect(verified(sha256(`${secret}POSThttps://hooks.example.com/${body}`), 'v2')).toEqual({ ok: true });
  });

  it('agree with the SDK’s own example', () => {
    const each = providerCases('hubspot').find(({ name }) => name === 'v1-sdk-vector');
    if (each === undefined) throw new Error('there is no v1-sdk-vector');
    const call = callOf(bodyOf(each), {
      'x-hubspot-signature': each.headers['X-HubSpot-Signature'] ?? '',
      'x-hubspot-signature-version': 'v1',
    });
    expect(hubspot.verify(call, channelOf([each.secret ?? ''], legacy))).toEqual({ ok: true });
    const events = hubspot.normalise(JSON.parse(call.body.toString()), channelOf([]), call);
    expect(events).toMatchObject(each.expect.events.map(({ kind, dedupeKey, occurredAt }) => ({ kind, dedupeKey, occurredAt })));
  });

  it('do not save a call whose version 3 is wrong', () => {
    const v3 = { 'x-hubspot-signature-v3': 'AAAA', 'x-hubspot-request-timestamp': String(callTime.getTime()) };
    expect(verified(sha256(secret + body), 'v1', legacy, v3)).toEqual(refused('signature_mismatch'));
  });

  it.each([
    ['of the other version', sha256(secret + body), 'v2', 'signature_mismatch'],
    ['of no version that is known', sha256(secret + body), 'v9', 'signature_malformed'],
    ['cut short', sha256(secret + body).slice(2), 'v1', 'signature_malformed'],
    ['wrong', sha256(body), 'v1', 'signature_mismatch'],
  ])('are refused if %s', (_what, signature, version, reason) => expect(verified(signature, version)).toEqual(refused(reason)));
});

describe('an event', () => {
  const events = (value: Json, account: string | null = null) => hubspot.normalise(value, channelOf([secret], {}, account), callOf(body));
  const change = { eventId: 1, subscriptionId: 2, portalId: 3, occurredAt: callTime.getTime(), objectId: 4 };

  it('has a customer if it is of a contact, and a conversation if it is of one', () => {
    expect(events([{ ...change, subscriptionType: 'contact.deletion' }])).toMatchObject([{ customerId: '4', triggers: true }]);
    expect(events([{ ...change, subscriptionType: 'object.creation', objectTypeId: '0-1' }])).toMatchObject([{ customerId: '4' }]);
    expect(events([{ ...change, subscriptionType: 'deal.creation' }])).toMatchObject([{ customerId: null }]);
    expect(events([{ ...change, subscriptionType: 'conversation.newMessage' }])).toMatchObject([{ customerId: null, conversationId: '4' }]);
  });

  it('of another portal triggers nothing', () => {
    expect(events([{ ...change, subscriptionType: 'deal.creation' }], '9')).toMatchObject([{ foreignAccount: true, triggers: false }]);
  });

  it('that is unknown keeps its key over all attempts', () => {
    const [first, second] = [0, 1].map((attemptNumber) => events([{ novelty: true, attemptNumber }])[0]);
    expect(first).toMatchObject({ kind: 'unknown', triggers: false });
    expect(second?.dedupeKey).toBe(first?.dedupeKey);
    expect(events([{ novelty: false }])[0]?.dedupeKey).not.toBe(first?.dedupeKey);
  });

  it('is one for a body that is no list, or a list beyond reason', () => {
    expect(events({ ...change, subscriptionType: 'deal.creation' })).toMatchObject([{ kind: 'unknown' }]);
    expect(events(Array.from({ length: 1001 }, (_, at) => at))).toHaveLength(1);
    expect(events([])).toEqual([]);
  });
});
