import type { JsonObject } from '@sluice/kernel';
import type { Channel, ProviderRequest, SampleCall } from './adapter.js';
import { parseBody } from './hostile.js';
import { providerNamed, providers } from './registry.js';

const at = new Date('2026-11-30T12:00:00.250Z');
const channelOf = (secret: string | undefined, config: JsonObject = {}, externalAccountId: string | null = null): Channel => ({
  externalAccountId,
  config,
  publicUrl: 'https://hooks.example.com',
  secrets: { signingSecrets: secret === undefined ? [] : [secret] },
});
const requestOf = ({ headers, query = {}, body }: SampleCall): ProviderRequest => ({
  method: 'POST',
  url: '/webhooks/c/p/all',
  body,
  headers,
  query,
  receivedAt: at,
});

const secret = Buffer.from('a-signing-secret-of-32-characters').toString('base64');
const configs: readonly (readonly [provider: string, config: JsonObject])[] = [
  ...['instagram', 'line', 'messenger', 'shopify', 'slack', 'standard', 'stripe', 'telegram', 'whatsapp', 'github', 'token'].map(
    (name) => [name, {}] as const,
  ),
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
  ['token', { scheme: 'basic' }],
  ['token', { scheme: 'header', header: 'X-Token', prefix: 'Key ' }],
  ['token', { scheme: 'query', parameter: 'key', idHeader: 'X-Id' }],
];

describe.each(configs)('a sample of %s with %j', (name, config) => {
  const adapter = providerNamed(name);
  const sampled = (channel: Channel, id = '018f3b5e-1234-7000-8000-00000000000d') => adapter?.sample?.(channel, { id, at });
  const eventsOf = (channel: Channel, id?: string) => {
    const call = sampled(channel, id);
    if (adapter === undefined || call === undefined) throw new Error('no sample');
    const parsed = adapter.parse?.(requestOf(call)) ?? parseBody(call.body);
    return parsed.kind === 'json' ? adapter.normalise(parsed.value, channel, requestOf(call)) : [];
  };

  it('T-10: is taken as the provider’s own, and refused under another secret', () => {
    const call = sampled(channelOf(secret, config));
    if (call === undefined) throw new Error('no sample');
    expect(adapter?.verify(requestOf(call), channelOf(secret, config))).toEqual({ ok: true });
    expect(adapter?.verify(requestOf(call), channelOf(`${secret.slice(4)}AAAA`, config))).toMatchObject({ ok: false });
  });

  it('makes one event that triggers, for the channel’s own account, and another one of another id', () => {
    for (const account of [null, '17841465550001234']) {
      const channel = channelOf(secret, config, account);
      const [event, ...others] = eventsOf(channel);
      expect(others).toEqual([]);
      expect(event).toMatchObject({ triggers: true, direction: 'in' });
      expect(adapter?.actionTypes).toContain(event?.action);
      expect(eventsOf(channel)[0]?.dedupeKey).toBe(event?.dedupeKey);
      expect(eventsOf(channel, '018f3b5e-9999-7000-8000-00000000000e')[0]?.dedupeKey).not.toBe(event?.dedupeKey);
    }
  });

  it('is none where there is nothing to sign it with', () => {
    expect(sampled(channelOf(undefined, config))).toBeUndefined();
    expect(sampled(channelOf('', config))).toBeUndefined();
  });
});

it('is shown above for every provider that has one', () => {
  const sampling = [...providers.values()].filter(({ sample }) => sample !== undefined).map(({ name }) => name);
  expect([...new Set(configs.map(([name]) => name))].toSorted()).toEqual(sampling.toSorted());
  expect(providerNamed('standard')?.sample?.(channelOf('whpk_MCowBQYDK2VwAyEA'), { id: 'x', at })).toBeUndefined();
  expect(providerNamed('hmac')?.sample?.(channelOf(secret, {}), { id: 'x', at })).toBeUndefined();
});
