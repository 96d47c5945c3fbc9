import type { JsonObject } from '@sluice/kernel';
import { providers } from './registry.js';

const apis = [...providers.values()].flatMap(({ name, api }) => (api === undefined ? [] : [[name, api] as const]));
const account = { accessToken: '7012345678:to ken', externalAccountId: '17/../1', config: { wabaId: '10' } };

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

describe.each(apis)('%s', (name, { url, owner, subscription }) => {
  const [owned, id, dead, status] = says[name] ?? [{}, '', {}, 0];

  it('is asked by a path of its own base, into which no id can write more', () => {
    for (const request of [owner.request(account), subscription?.look.request(account), subscription?.renew.request(account)]) {
      if (request === undefined) continue;
      expect(URL.parse(`${url}${request.path}`)).toMatchObject({ origin: url, protocol: 'https:' });
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
