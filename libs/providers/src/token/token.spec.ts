import type { Json } from '@sluice/kernel';
import { callOf, channelOf } from '@sluice/testing';
import { token } from './token.js';

const secret = 's3cr3t-token-0001';
const refused = (reason: string) => ({ ok: false, reason });
const verified = (config: Record<string, Json>, headers: Record<string, string | string[]>, query = {}, secrets = [secret]) =>
  token.verify(callOf('{}', headers, { query }), channelOf(secrets, config));
const basic = (text: string, encoding: BufferEncoding = 'utf8') => `Basic ${Buffer.from(text, encoding).toString('base64')}`;

it('takes any active token', () => {
  const secrets = ['the-next-token-0002', secret];
  expect(verified({}, { authorization: `Bearer ${secret}` }, {}, secrets)).toEqual({ ok: true });
  expect(verified({}, { authorization: 'Bearer the-next-token-0002' }, {}, secrets)).toEqual({ ok: true });
});

it.each([
  ['of another endpoint', { authorization: 'Bearer another-token-0003' }, 'token_mismatch'],
  ['cut short', { authorization: `Bearer ${secret.slice(0, -1)}` }, 'token_mismatch'],
  ['empty', { authorization: 'Bearer ' }, 'token_missing'],
  ['without its scheme', { authorization: secret }, 'token_missing'],
  ['in the other scheme', { authorization: basic(secret) }, 'token_missing'],
  ['sent twice', { authorization: [`Bearer ${secret}`, `Bearer ${secret}`] }, 'signature_repeated'],
])('refuses one that is %s', (_what, headers, reason) => expect(verified({}, headers)).toEqual(refused(reason)));

it('refuses everybody where the channel has no token', () => {
  expect(verified({ scheme: 'query' }, {}, { token: '' }, [''])).toEqual(refused('secret_missing'));
  expect(verified({}, { authorization: `Bearer ${secret}` }, {}, [])).toEqual(refused('secret_missing'));
});

describe('basic', () => {
  const withSecret = (authorization: string) => verified({ scheme: 'basic' }, { authorization }, {}, ['ana:pä:ss']);

  it('is user and password, in UTF-8', () => {
    expect(withSecret(basic('ana:pä:ss'))).toEqual({ ok: true });
    expect(withSecret(basic('ana:pä:ss', 'latin1'))).toEqual(refused('token_mismatch'));
    expect(withSecret(basic('ana'))).toEqual(refused('token_mismatch'));
    expect(withSecret(basic('ana:pä'))).toEqual(refused('token_mismatch'));
  });

  it('is base64, and nothing that looks like it', () => {
    expect(withSecret('Basic ana:pä:ss')).toEqual(refused('token_missing'));
    expect(withSecret(`${basic('ana:pä:ss')}!`)).toEqual(refused('token_missing'));
  });
});

it('can stand in a header of its own, after a prefix', () => {
  expect(verified({ scheme: 'header', header: 'X-Api-Key' }, { 'x-api-key': secret })).toEqual({ ok: true });
  expect(verified({ scheme: 'header', header: 'Authorization', prefix: 'Token ' }, { authorization: `Token ${secret}` })).toEqual({
    ok: true,
  });
  expect(verified({ scheme: 'header', header: 'Authorization', prefix: 'Token ' }, { authorization: secret })).toEqual(
    refused('token_missing'),
  );
});

it('can stand in the query', () => {
  expect(verified({ scheme: 'query' }, {}, { token: secret })).toEqual({ ok: true });
  expect(verified({ scheme: 'query', parameter: 'key' }, {}, { key: secret })).toEqual({ ok: true });
  expect(verified({ scheme: 'query' }, {}, { token: [secret, secret] })).toEqual(refused('signature_repeated'));
  expect(verified({ scheme: 'query' }, {}, {})).toEqual(refused('token_missing'));
});

it('is not confused by names that all objects have', () => {
  expect(verified({ scheme: 'header', header: 'constructor' }, {})).toEqual(refused('token_missing'));
  expect(verified({ scheme: 'query', parameter: '__proto__' }, {})).toEqual(refused('token_missing'));
});

it.each<Record<string, Json>>([{ scheme: 'digest' }, { scheme: 'header' }, { scheme: null }])('lets nobody in by %j', (config) => {
  expect(verified(config, { authorization: `Bearer ${secret}` })).toEqual(refused('config_invalid'));
});
