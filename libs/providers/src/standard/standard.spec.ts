import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { callOf, callTime, channelOf } from '@sluice/testing';
import { standard } from './standard.js';

const time = String(callTime.getTime() / 1000);
const key = Buffer.from('sluice-standard-key-0001');
const secret = `whsec_${key.toString('base64')}`;
const body = '{"type":"a.b"}';
const v1 = `v1,${createHmac('sha256', key).update(`M.${time}.${body}`).digest('base64')}`;

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const whpk = `whpk_${publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')}`;
const v1a = `v1a,${sign(null, Buffer.from(`M.${time}.${body}`), privateKey).toString('base64')}`;

const headersWith = (signature: string, prefix = 'webhook') => ({
  [`${prefix}-id`]: 'M',
  [`${prefix}-timestamp`]: time,
  [`${prefix}-signature`]: signature,
});
const verified = (headers: Record<string, string | string[]>, secrets = [secret], sent = body) =>
  standard.verify(callOf(sent, headers), channelOf(secrets));
const refused = (reason: string) => ({ ok: false, reason });

it('knows Svix by its headers', () => {
  expect(verified(headersWith(v1, 'svix'))).toEqual({ ok: true });
  expect(standard.normalise({ type: 'a.b' }, channelOf([secret]), callOf(body, headersWith(v1, 'svix')))).toMatchObject([
    { kind: 'a.b', dedupeKey: 'standard:M', occurredAt: callTime.toISOString() },
  ]);
});

it('does not mix the two spellings', () => {
  const { 'svix-timestamp': timestamp = '', 'svix-id': id = '' } = headersWith(v1, 'svix');
  expect(verified({ 'webhook-signature': v1, 'svix-id': id, 'svix-timestamp': timestamp })).toEqual(refused('id_missing'));
});

it('takes a secret with its prefix and without', () => {
  expect(verified(headersWith(v1), [key.toString('base64')])).toEqual({ ok: true });
});

describe('Ed25519', () => {
  it('is checked with the public key', () => expect(verified(headersWith(v1a), [whpk])).toEqual({ ok: true }));

  it('and an HMAC may be sent together, while a sender changes over', () => {
    expect(verified(headersWith(`${v1} ${v1a}`), [whpk])).toEqual({ ok: true });
    expect(verified(headersWith(`${v1a} ${v1}`), [secret])).toEqual({ ok: true });
  });

  it('is refused over another body, or without a public key', () => {
    expect(verified(headersWith(v1a), [whpk], '{"type":"a.c"}')).toEqual(refused('signature_mismatch'));
    expect(verified(headersWith(v1a), [secret])).toEqual(refused('signature_mismatch'));
  });

  it('never uses the public key, which is no secret, for an HMAC', () => {
    const forged = createHmac('sha256', Buffer.from(whpk.slice('whpk_'.length), 'base64'))
      .update(`M.${time}.${body}`)
      .digest('base64');
    expect(verified(headersWith(`v1,${forged}`), [whpk])).toEqual(refused('signature_mismatch'));
  });
});

it.each([
  ['only a version that is not known', headersWith('v2,AAAA'), 'signature_missing'],
  ['no version', headersWith(v1.slice('v1,'.length)), 'signature_malformed'],
  ['a v1 that is no base64', headersWith('v1,???'), 'signature_malformed'],
  ['more signatures than secrets can be', headersWith(Array(17).fill(v1).join(' ')), 'signature_malformed'],
  ['no id', { ...headersWith(v1), 'webhook-id': '' }, 'id_missing'],
  ['two ids', { ...headersWith(v1), 'webhook-id': ['M', 'N'] }, 'signature_repeated'],
  ['another id', { ...headersWith(v1), 'webhook-id': 'N' }, 'signature_mismatch'],
  ['two times', { ...headersWith(v1), 'webhook-timestamp': [time, time] }, 'timestamp_malformed'],
])('refuses a call with %s', (_what, headers, reason) => expect(verified(headers)).toEqual(refused(reason)));

it('refuses everybody where the secret was copied wrong', () => {
  expect(verified(headersWith(v1), ['whsec_not base64'])).toEqual(refused('secret_missing'));
});
