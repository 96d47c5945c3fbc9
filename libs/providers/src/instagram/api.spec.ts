import { instagramApi } from './api.js';

const day = 24 * 60 * 60 * 1000;
const here = new Date('2026-11-01T00:00:00Z');
const dueAfter = (expiresInDays: number | null) => {
  const expiresAt = expiresInDays === null ? null : new Date(here.getTime() + expiresInDays * day);
  return ((instagramApi.refresh?.dueAt({ since: here, expiresAt }).getTime() ?? 0) - here.getTime()) / day;
};

describe('when a token is refreshed', () => {
  it.each([
    ['the seventh day, when it is new', 60, 7],
    ['the first day it may be, when it is older than that already', 30, 1],
    ['the first day it may be, when its end is not known', null, 1],
    ['its last day, when it has no other', 1.5, 0.5],
    ['at once, when it ends today', 0.5, -0.5],
    ['the seventh day here, whatever longer life somebody has given it', 90, 7],
  ])('is %s', (_, expiresInDays, due) => expect(dueAfter(expiresInDays)).toBe(due));
});

describe('the answer to a refresh', () => {
  const read = (body: object, status = 200) => instagramApi.refresh?.read({ status, body: JSON.parse(JSON.stringify(body)) }, here);

  it('has the token and its end', () =>
    expect(read({ access_token: 'new', token_type: 'bearer', expires_in: 5_184_000 })).toEqual({
      ok: true,
      value: { accessToken: 'new', expiresAt: new Date('2026-12-31T00:00:00Z') },
    }));
  it.each([190, 102, '190'])('that says %p is of a dead token', (code) =>
    expect(read({ error: { code, error_subcode: 460, message: 'changed' } }, 400)).toEqual({
      ok: false,
      dead: true,
      code: `${code}/460`,
      message: 'changed',
    }),
  );
  it.each([
    [{ error: { code: 1, message: 'temporary' } }, 500, '1'],
    [{ error: { code: 4, message: 'rate' } }, 400, '4'],
    [{}, 503, 'http_503'],
    [{ access_token: '', expires_in: 1 }, 200, 'invalid_response'],
    [{ access_token: 'new' }, 200, 'invalid_response'],
    [{ access_token: 'new', expires_in: '1' }, 200, 'invalid_response'],
    [[], 200, 'invalid_response'],
  ])('%j with %p is no token, and kills none', (body, status, code) =>
    expect(read(body, status)).toMatchObject({ ok: false, dead: false, code }),
  );
});
