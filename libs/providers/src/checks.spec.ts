import type { JsonObject } from '@sluice/kernel';
import { providerCases, providersWithCases } from '@sluice/testing';
import { providerNamed } from './registry.js';

const findings = (provider: string, signingSecrets: readonly string[], config: JsonObject = {}, externalAccountId: string | null = null) =>
  (providerNamed(provider)?.check?.({ externalAccountId, config, secrets: { signingSecrets } }) ?? []).map(({ path }) => path);

it.each(providersWithCases())('%s: the channel of every recorded call is right', (provider) => {
  const wrong = providerCases(provider).map(({ name, secret, config, accountId }) => [
    name,
    ...findings(provider, secret === null ? [] : [secret], config, accountId),
  ]);
  expect(wrong.length).toBeGreaterThan(0);
  expect(wrong.filter(({ length }) => length > 1)).toEqual([]);
});

describe('what is certainly wrong is told, all at once', () => {
  it.each([
    ['instagram', ['x'], {}, 'the.shop', ['externalAccountId']],
    ['whatsapp', ['x'], {}, '+49 170 1', ['externalAccountId']],
    ['telegram', ['good', 'no spaces'], {}, '7012345678:AA', ['externalAccountId', 'credentials.signingSecrets[1]']],
    ['discord', ['abc'], {}, 'me', ['externalAccountId', 'credentials.signingSecrets[0]']],
    ['twilio', ['x'], {}, 'SK0123456789abcdef0123456789abcdef', ['externalAccountId']],
    ['slack', ['x'], {}, 'acme', ['externalAccountId']],
    ['line', ['x'], {}, '@acme', ['externalAccountId']],
    ['standard', ['whsec_c2x1', 'whsec_!', 'whpk_!'], {}, null, ['credentials.signingSecrets[1]', 'credentials.signingSecrets[2]']],
    ['token', ['x'], { scheme: 'digest' }, null, ['config.scheme']],
    ['token', ['x'], { scheme: 'header' }, null, ['config.header']],
    ['token', ['no-colon'], { scheme: 'basic' }, null, ['credentials.signingSecrets[0]']],
    ['hmac', ['x'], {}, null, ['config.header']],
    [
      'hmac',
      ['x'],
      { header: 'a b', algorithm: 'md5', encoding: 'utf8', toleranceSeconds: 0 },
      null,
      ['config.header', 'config.algorithm', 'config.encoding', 'config.toleranceSeconds'],
    ],
    [
      'hmac',
      ['x'],
      { header: 'x-sig', signedTemplate: '{timestamp}.{id}' },
      null,
      ['config.signedTemplate', 'config.timestampHeader', 'config.idHeader'],
    ],
    ['hmac', ['x'], { header: 'x-sig', timestampHeader: 'x-ts', signedTemplate: '{body}' }, null, ['config.signedTemplate']],
  ])('%s %j %j %p', (provider, secrets, config, account, paths) => expect(findings(provider, secrets, config, account)).toEqual(paths));

  it('slack: a refresh token alone refreshes nothing', () => {
    const secrets = { signingSecrets: ['x'], refreshToken: 'xoxe-1' };
    const found = (more: object) =>
      (providerNamed('slack')?.check?.({ externalAccountId: null, config: {}, secrets: { ...secrets, ...more } }) ?? []).map(
        ({ path }) => path,
      );
    expect(found({})).toEqual(['credentials.accessToken', 'credentials.clientId', 'credentials.clientSecret']);
    expect(found({ accessToken: 'xoxe.xoxb-1', clientId: '1.2', clientSecret: 's' })).toEqual([]);
  });

  it('without the secret itself', () =>
    expect(
      JSON.stringify(providerNamed('discord')?.check?.({ externalAccountId: null, config: {}, secrets: { signingSecrets: ['hunter2'] } })),
    ).not.toContain('hunter2'));
});

it.each([
  [{ header: 'x-sig', idHeader: 'x-id', signedTemplate: '{id}.{body}' }],
  [{ header: 'x-sig', timestampHeader: 'x-ts' }],
  [{ header: 'x-sig', prefix: 'v1=', algorithm: 'sha512', encoding: 'base64url', toleranceSeconds: 60 }],
])('hmac %j is right', (config) => expect(findings('hmac', ['x'], config)).toEqual([]));
