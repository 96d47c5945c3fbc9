import { createHash, createHmac } from 'node:crypto';
import type { Json } from '@sluice/kernel';
import { callOf, callTime, channelOf } from '@sluice/testing';
import { parseBody } from './hostile.js';
import { providerNamed } from './registry.js';

// What all who sign by an HMAC promise, beside every-adapter.spec.ts; what is one provider's alone is tested in its folder.

type Headers = Readonly<Record<string, string>>;
type Encoding = 'hex' | 'base64';

interface Way {
  readonly headersWith: (signature: string, timeMs: number) => Headers;
  readonly signed: (body: string, timeMs: number) => string;
  readonly prefix?: string;
  readonly encoding: Encoding;
  readonly timed?: boolean;
  readonly config?: Readonly<Record<string, Json>>;
  readonly key?: (secret: string) => Buffer;
}

const seconds = (timeMs: number) => String(timeMs / 1000);
const iso = (timeMs: number) => new Date(timeMs).toISOString();

const ways: Readonly<Record<string, Way>> = {
  stripe: {
    headersWith: (signature, timeMs) => ({ 'stripe-signature': `t=${seconds(timeMs)},v1=${signature}` }),
    signed: (body, timeMs) => `${seconds(timeMs)}.${body}`,
    encoding: 'hex',
    timed: true,
  },
  github: {
    headersWith: (signature) => ({ 'x-hub-signature-256': signature, 'x-github-event': 'push', 'x-github-delivery': 'D' }),
    signed: (body) => body,
    prefix: 'sha256=',
    encoding: 'hex',
  },
  shopify: {
    headersWith: (signature) => ({
      'x-shopify-hmac-sha256': signature,
      'x-shopify-topic': 'orders/create',
      'x-shopify-shop-domain': 'a.myshopify.com',
      'x-shopify-webhook-id': 'W',
    }),
    signed: (body) => body,
    encoding: 'base64',
  },
  typeform: {
    headersWith: (signature) => ({ 'typeform-signature': signature }),
    signed: (body) => body,
    prefix: 'sha256=',
    encoding: 'base64',
  },
  hubspot: {
    headersWith: (signature, timeMs) => ({ 'x-hubspot-signature-v3': signature, 'x-hubspot-request-timestamp': String(timeMs) }),
    signed: (body, timeMs) => `POSThttps://hooks.example.com/${body}${timeMs}`,
    encoding: 'base64',
    timed: true,
  },
  zendesk: {
    headersWith: (signature, timeMs) => ({
      'x-zendesk-webhook-signature': signature,
      'x-zendesk-webhook-signature-timestamp': iso(timeMs),
      'x-zendesk-webhook-invocation-id': 'I',
    }),
    signed: (body, timeMs) => `${iso(timeMs)}${body}`,
    encoding: 'base64',
    timed: true,
  },
  standard: {
    headersWith: (signature, timeMs) => ({ 'webhook-id': 'M', 'webhook-timestamp': seconds(timeMs), 'webhook-signature': signature }),
    signed: (body, timeMs) => `M.${seconds(timeMs)}.${body}`,
    prefix: 'v1,',
    encoding: 'base64',
    timed: true,
    key: (secret) => Buffer.from(secret, 'base64'),
  },
  hmac: {
    headersWith: (signature, timeMs) => ({ 'x-signature': signature, 'x-time': seconds(timeMs) }),
    signed: (body, timeMs) => `${seconds(timeMs)}.${body}`,
    encoding: 'hex',
    timed: true,
    config: { header: 'X-Signature', timestampHeader: 'X-Time' },
  },
};

const current = 'Y3VycmVudCBzZWNyZXQ=';
const next = 'bmV4dCBzZWNyZXQuLi4=';
const other = 'YW5vdGhlciBlbmRwb2ludA==';
const body = '{"name":"Zoë \\u00e1 \\/"}';

describe.each(Object.entries(ways))('T-10: %s', (name, way) => {
  const adapter = providerNamed(name);
  if (adapter === undefined) throw new Error(`there is no ${name}`);

  const digest = (secret: string, data: string, timeMs: number, encoding = way.encoding) =>
    createHmac('sha256', way.key?.(secret) ?? secret)
      .update(way.signed(data, timeMs))
      .digest(encoding);
  const sent = (signature: string, { sentMs = callTime.getTime(), data = body, secrets = [current] } = {}) =>
    adapter.verify(callOf(data, way.headersWith(`${way.prefix ?? ''}${signature}`, sentMs)), channelOf(secrets, way.config));
  const good = digest(current, body, callTime.getTime());

  it('takes what is signed with any active secret', () => {
    expect(sent(good)).toEqual({ ok: true });
    expect(sent(good, { secrets: [next, current] })).toEqual({ ok: true });
    expect(sent(digest(next, body, callTime.getTime()), { secrets: [next, current] })).toEqual({ ok: true });
  });

  it.each([
    ['another endpoint’s secret', digest(other, body, callTime.getTime())],
    ['an empty secret', digest('', body, callTime.getTime())],
    ['the SHA-256 of the body', createHash('sha256').update(body).digest(way.encoding)],
    ['a body that was written anew', digest(current, JSON.stringify(JSON.parse(body)), callTime.getTime())],
  ])('refuses %s', (_what, signature) => expect(sent(signature)).toEqual({ ok: false, reason: 'signature_mismatch' }));

  it.each([
    ['cut short', good.slice(0, -4)],
    ['too long', `${good}00`],
    ['in the other encoding', digest(current, body, callTime.getTime(), way.encoding === 'hex' ? 'base64' : 'hex')],
    ['empty', ''],
    ['of letters that no encoding has', `${good.slice(0, -1)}é`],
  ])('refuses a digest that is %s', (_what, signature) => expect(sent(signature)).toMatchObject({ ok: false }));

  it('refuses everybody where the channel has no secret', () => {
    expect(sent(digest('', body, callTime.getTime()), { secrets: [''] })).toEqual({ ok: false, reason: 'secret_missing' });
    expect(sent(good, { secrets: [] })).toEqual({ ok: false, reason: 'secret_missing' });
  });

  it('refuses a signature that is missing or repeated, whatever else there is', () => {
    const headers = way.headersWith(`${way.prefix ?? ''}${good}`, callTime.getTime());
    const [header = '', value = ''] = Object.entries(headers).find(([, value]) => value.includes(good)) ?? [];
    const { [header]: _, ...others } = headers;
    const channel = channelOf([current], way.config);
    expect(adapter.verify(callOf(body, others), channel)).toEqual({ ok: false, reason: 'signature_missing' });
    const twice = { ...others, [header]: [value, value] };
    expect(adapter.verify(callOf(body, twice), channel)).toEqual({ ok: false, reason: 'signature_repeated' });
    expect(adapter.verify(callOf(body, { ...others, [header]: `${value}, ${value}` }), channel)).toMatchObject({ ok: false });
  });

  if (way.timed) {
    it.each([
      [-300_000, { ok: true }],
      [300_000, { ok: true }],
      [-301_000, { ok: false, reason: 'timestamp_stale' }],
      [301_000, { ok: false, reason: 'timestamp_future' }],
    ])('takes a call made %i ms from now: %j', (ms, expected) => {
      const sentMs = callTime.getTime() + ms;
      expect(sent(digest(current, body, sentMs), { sentMs })).toEqual(expected);
    });

    it('does not believe a time that was not signed', () => {
      expect(sent(digest(current, body, callTime.getTime() - 301_000))).toEqual({ ok: false, reason: 'signature_mismatch' });
    });
  }

  it('reads what is no JSON as malformed, and half an emoji as hostile', () => {
    const read = (text: string) => {
      const call = callOf(text, { 'content-type': 'application/json' });
      return (adapter.parse?.(call) ?? parseBody(call.body)).kind;
    };
    expect(read('{"a":')).toBe('malformed');
    expect(read('{"a":"\\ud83d"}')).toBe('hostile');
    expect(read('{"a":"\\u0000"}')).toBe('hostile');
  });
});
