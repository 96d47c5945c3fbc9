import type { JsonObject } from '@sluice/kernel';
import type { Channel, ProviderAdapter, ProviderRequest, SampleCall } from './adapter.js';
import { businessActions } from './business-events.js';
import { parseBody } from './hostile.js';
import { objectOf } from './json-values.js';
import { providerNamed, providers } from './registry.js';

const at = new Date('2026-11-30T12:00:00.250Z');
const url = '/webhooks/c/p/all';
const id = '018f3b5e-1234-7000-8000-00000000000d';
const channelOf = (secret: string | undefined, config: JsonObject = {}, externalAccountId: string | null = null): Channel => ({
  externalAccountId,
  config,
  publicUrl: 'https://hooks.example.com:8443',
  secrets: { signingSecrets: secret === undefined ? [] : [secret] },
});
const requestOf = ({ headers, query = {}, body }: SampleCall): ProviderRequest => ({
  method: 'POST',
  url,
  body,
  headers,
  query,
  receivedAt: at,
});
const adapterNamed = (name: string): ProviderAdapter => {
  const adapter = providerNamed(name);
  if (adapter === undefined) throw new Error(`there is no ${name}`);
  return adapter;
};

const secret = Buffer.from('a-signing-secret-of-32-characters').toString('base64');
const publicKey = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';

/** Channels that have only a public key: the provider, and nobody else, can sign. */
const unsignable: readonly (readonly [provider: string, key: string])[] = [
  ['discord', publicKey],
  ['standard', `whpk_${Buffer.from(publicKey, 'hex').toString('base64')}`],
];

const settings: readonly (readonly [provider: string, config: JsonObject])[] = [
  ['hmac', { header: 'X-Signature', prefix: 'sha256=' }],
  [
    'hmac',
    {
      header: 'X-Signature',
      algorithm: 'sha512',
      encoding: 'base64url',
      timestampHeader: 'X-Time',
      idHeader: 'X-Id',
      signedTemplate: '{id}.{timestamp}.{body}',
    },
  ],
  ['hubspot', { publicUrl: 'https://proxy.example.com/hubspot?tenant=a' }],
  ['hubspot', { legacySignatures: true }],
  ['token', { scheme: 'basic' }],
  ['token', { scheme: 'header', header: 'X-Token', prefix: 'Key ' }],
  ['token', { scheme: 'query', parameter: 'key', idHeader: 'X-Id' }],
  ['twilio', { publicUrl: 'https://proxy.example.com/sms' }],
];
/** Every provider that there is, so that none is forgotten. */
const plain = [...providers.keys()].filter((name) => name !== 'discord' && name !== 'hmac').map((name) => [name, {}] as const);

describe.each([...plain, ...settings])('a sample of %s with %j', (name, config) => {
  const adapter = adapterNamed(name);
  const sampled = (channel: Channel, of = id, when = at) => adapter.sample(channel, { id: of, at: when, url });
  const eventsOf = (channel: Channel, of?: string, when?: Date) => {
    const call = sampled(channel, of, when);
    if (call === undefined) throw new Error('no sample');
    const parsed = adapter.parse?.(requestOf(call)) ?? parseBody(call.body);
    return parsed.kind === 'json' ? adapter.normalise(parsed.value, channel, requestOf(call)) : [];
  };

  it('T-10: is taken as the provider’s own, and refused under another secret', () => {
    const call = sampled(channelOf(secret, config));
    if (call === undefined) throw new Error('no sample');
    expect(call.unsigned).toBeUndefined();
    expect(adapter.verify(requestOf(call), channelOf(secret, config))).toEqual({ ok: true });
    expect(adapter.verify(requestOf(call), channelOf(`${secret.slice(4)}AAAA`, config))).toMatchObject({ ok: false });
  });

  it('makes one event that triggers, for the channel’s own account, and another one of another id', () => {
    for (const account of [null, '17841465550001234']) {
      const channel = channelOf(secret, config, account);
      const [event, ...others] = eventsOf(channel);
      expect(others).toEqual([]);
      expect(event).toMatchObject({ triggers: true, direction: 'in' });
      expect(adapter.actionTypes).toContain(event?.action);
      // What a system of record says is for its workflows to read.
      if (adapter.actionTypes === businessActions) expect(event?.raw).toMatchObject(objectOf(event?.payload) ?? 'an object');
      expect(eventsOf(channel)[0]?.dedupeKey).toBe(event?.dedupeKey);
      expect(eventsOf(channel, '018f3b5e-9999-7000-8000-00000000000e')[0]?.dedupeKey).not.toBe(event?.dedupeKey);
    }
  });

  it('T-10: made again later, of the same id, is the same event', () => {
    const later = new Date(at.getTime() + 61_001);
    const channel = channelOf(secret, config);
    expect(eventsOf(channel, id, later)[0]?.dedupeKey).toBe(eventsOf(channel)[0]?.dedupeKey);
  });

  it('is none where there is nothing to sign it with', () => {
    expect(sampled(channelOf(undefined, config))).toBeUndefined();
    expect(sampled(channelOf('', config))).toBeUndefined();
  });
});

it.each(unsignable)('T-10: a sample of %s for a public key is refused as anybody’s is, and says who can sign', (name, key) => {
  const adapter = adapterNamed(name);
  const call = adapter.sample(channelOf(key), { id, at, url });
  if (call === undefined) throw new Error('no sample');
  expect(call.unsigned).toMatch(/\.$/);
  expect(adapter.verify(requestOf(call), channelOf(key))).toEqual({ ok: false, reason: 'signature_mismatch' });
  expect(adapter.sample(channelOf(undefined), { id, at, url })).toBeUndefined();
});

it('T-10: a sample that signs the address is refused at another one', () => {
  for (const name of ['hubspot', 'twilio']) {
    const call = adapterNamed(name).sample(channelOf(secret), { id, at, url });
    if (call === undefined) throw new Error('no sample');
    const elsewhere = { ...requestOf(call), url: '/webhooks/d/p/all' };
    expect(adapterNamed(name).verify(elsewhere, channelOf(secret))).toEqual({ ok: false, reason: 'signature_mismatch' });
  }
});

it('no sample is made for a config that nobody can fulfil', () =>
  expect(adapterNamed('hmac').sample(channelOf(secret, {}), { id, at, url })).toBeUndefined());
