import type { JsonObject } from '@sluice/kernel';
import { providers } from './registry.js';

const apis = [...providers.values()].flatMap(({ name, api }) => (api === undefined ? [] : [[name, api] as const]));
const rotated = { refreshToken: 'xoxe-1 &', clientId: '1.2', clientSecret: 's&' };
const account = { accessToken: '7012345678:to ken', ...rotated, externalAccountId: '17/../1', config: { wabaId: '10' } };

/** How each names the account, and what it says of a token that is no good. */
const says: Readonly<Record<string, readonly [owner: JsonObject, owned: string, dead: JsonObject, status: number]>> = {
  instagram: [{ user_id: '17', id: '99' }, '17', { error: { code: 190 } }, 400],
  messenger: [{ id: '17' }, '17', { error: { code: 190 } }, 400],
  facebook_page: [{ id: '17' }, '17', { error: { code: 190 } }, 400],
  whatsapp: [{ id: '17' }, '17', { error: { code: 190 } }, 401],
  telegram: [{ ok: true, result: { id: 7012345678 } }, '7012345678', { ok: false, error_code: 401, description: 'Unauthorized' }, 401],
  slack: [{ ok: true, team_id: 'T1', user_id: 'U1' }, 'T1', { ok: false, error: 'token_revoked' }, 200],
  line: [{ userId: 'U1' }, 'U1', { message: 'Authentication failed' }, 401],
  discord: [{ id: '1' }, '1', { message: '401: Unauthorized', code: 0 }, 401],
  twilio: [{ sid: 'AC1' }, 'AC1', { code: 20003, message: 'Authenticate' }, 401],
};

it('every provider that has an API is asked whose a token is', () =>
  expect(apis.map(([name]) => name).toSorted()).toEqual(Object.keys(says).toSorted()));

it('each is where nodes that send ask it too', () => {
  // As `<PROVIDER>_API_URL` has them: whoever sets one moves both.
  const usual = Object.fromEntries(apis.map(([name, { url }]) => [name, url]));
  expect(usual).toMatchObject({
    instagram: 'https://graph.instagram.com',
    messenger: 'https://graph.facebook.com',
    whatsapp: 'https://graph.facebook.com',
    telegram: 'https://api.telegram.org',
    slack: 'https://slack.com/api',
    line: 'https://api.line.me',
    discord: 'https://discord.com/api/v10',
    twilio: 'https://api.twilio.com',
  });
});

describe.each(apis)('%s', (name, { url, owner, refresh, subscription }) => {
  const [owned, id, dead, status] = says[name] ?? [{}, '', {}, 0];

  it('is asked by a path of its own base, into which no id can write more', () => {
    for (const question of [owner, refresh, subscription?.look, subscription?.renew]) {
      const request = question?.request(account);
      if (request === undefined) continue;
      expect(URL.parse(`${url}${request.path}`)).toMatchObject({ href: expect.stringMatching(`^${url}/`), protocol: 'https:' });
      expect(request.path).not.toMatch(/\.\.\/|\s/);
    }
  });
  it('says whose the token is', () => expect(owner.read({ status: 200, body: owned })).toEqual({ ok: true, value: id }));
  it('says when it is dead', () => expect(owner.read({ status, body: dead })).toMatchObject({ ok: false, dead: true }));
  it('says nothing of it with a 5xx, or with what nobody understands', () => {
    for (const answer of [
      { status: 503, body: null },
      { status: 200, body: null },
      { status: 200, body: { id: {} } },
    ]) {
      expect(owner.read(answer)).toMatchObject({ ok: false, dead: false });
    }
  });
});

describe("Slack's tokens", () => {
  const refresh = apis.find(([name]) => name === 'slack')?.[1].refresh;
  if (refresh === undefined) throw new Error('Slack has no refresh');
  const now = new Date('2026-06-01T12:00:00Z');
  const hours = (count: number) => new Date(now.getTime() + count * 3_600_000);

  it.each([
    ['12 hours', hours(12), hours(6)],
    ['half an hour', hours(0.5), hours(0.25)],
    ['a time that nobody knows', null, now],
    ['none, since they have ended', hours(-1), now],
  ])('are due after half of what they had left: %s', (_what, expiresAt, due) =>
    expect(refresh.dueAt({ since: now, expiresAt })).toEqual(due),
  );

  it('are asked for with all that an app has, in a form', () => {
    expect(Object.fromEntries(new URLSearchParams(refresh.request(account)?.body))).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'xoxe-1 &',
      client_id: '1.2',
      client_secret: 's&',
    });
    for (const name of ['refreshToken', 'clientId', 'clientSecret'])
      expect(refresh.request({ ...account, [name]: undefined })).toBeUndefined();
  });

  it('come in pairs, with their end', () => {
    const body = { ok: true, access_token: 'xoxe.xoxb-2', refresh_token: 'xoxe-2', expires_in: 43_200 };
    const value = { accessToken: 'xoxe.xoxb-2', refreshToken: 'xoxe-2', expiresAt: hours(12) };
    expect(refresh.read({ status: 200, body }, now)).toEqual({ ok: true, value });
    for (const name of ['access_token', 'refresh_token', 'expires_in']) {
      expect(refresh.read({ status: 200, body: { ...body, [name]: null } }, now)).toMatchObject({ ok: false, dead: false });
    }
  });

  it.each([
    ['invalid_refresh_token', true],
    ['bad_client_secret', true],
    ['ratelimited', false],
    ['internal_error', false],
  ])('are refused with %s', (error, dead) => {
    expect(refresh.read({ status: 200, body: { ok: false, error } }, now)).toMatchObject({ ok: false, dead, code: error });
  });
});
