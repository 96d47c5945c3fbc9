import { generateKeyPairSync, sign } from 'node:crypto';
import type { JsonObject } from '@sluice/kernel';
import { callOf, callTime, channelOf } from '@sluice/testing';
import { discord } from './discord.js';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const key = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
const otherKey = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
const now = callTime.getTime() / 1000;

const signatureOf = (body: string, time: string | number) => sign(null, Buffer.from(`${time}${body}`), privateKey).toString('hex');
const signed = (body: string, time: string | number = now, signature: string | readonly string[] = signatureOf(body, time)) =>
  callOf(body, { 'x-signature-timestamp': String(time), 'x-signature-ed25519': signature });
const refused = (reason: string) => ({ ok: false, reason });

describe('verification', () => {
  const right = signatureOf('{}', now);
  it.each([
    ['300 s old', signed('{}', now - 300), { ok: true }],
    ['301 s old', signed('{}', now - 301), refused('timestamp_stale')],
    ['301 s ahead', signed('{}', now + 301), refused('timestamp_future')],
    ['with letters in its time', signed('{}', `${now}abc`), refused('timestamp_malformed')],
    ['signed in capitals', signed('{}', now, right.toUpperCase()), { ok: true }],
    ['signed in part', signed('{}', now, right.slice(2)), refused('signature_malformed')],
    ['signed in base64', signed('{}', now, Buffer.from(right, 'hex').toString('base64')), refused('signature_malformed')],
    ['signed twice', signed('{}', now, [right, right]), refused('signature_repeated')],
    ['signed with zeros', signed('{}', now, '0'.repeat(128)), refused('signature_mismatch')],
    ['not signed', callOf('{}', { 'x-signature-timestamp': String(now) }), refused('signature_missing')],
    ['without its time', callOf('{}', { 'x-signature-ed25519': right }), refused('timestamp_missing')],
  ])('of a call that is %s', (_what, call, expected) => expect(discord.verify(call, channelOf([key]))).toEqual(expected));

  it('takes any of the keys, and nothing that is none', () => {
    expect(discord.verify(signed('{}'), channelOf([otherKey, key]))).toEqual({ ok: true });
    expect(discord.verify(signed('{}'), channelOf([otherKey, 'no key']))).toEqual(refused('signature_mismatch'));
    expect(discord.verify(signed('{}'), channelOf(['no key', key.slice(2)]))).toEqual(refused('secret_missing'));
    expect(discord.verify(signed('{}'), channelOf(['ff'.repeat(32)]))).toEqual(refused('signature_mismatch'));
  });
});

describe('an interaction', () => {
  const told = (fields: JsonObject, channel = channelOf([key])) =>
    discord.normalise({ id: '1200000000000000001', application_id: '7', token: 't', ...fields }, channel, callOf('{}'));

  it.each<[string, JsonObject, object]>([
    [
      'a button',
      { type: 3, data: { custom_id: 'yes' }, user: { id: '8' } },
      { kind: 'component', payload: 'yes', customerId: '8', triggers: true },
    ],
    ['a form', { type: 5, data: { custom_id: 'f' }, channel_id: '2' }, { kind: 'form', payload: 'f', conversationId: '2', triggers: true }],
    ['half a command', { type: 4 }, { kind: 'autocomplete', ignoredBecause: 'unsupported' }],
    ['a new sort', { type: 99 }, { kind: 'unknown', accountId: '7', ignoredBecause: 'unknown' }],
    ['one whose id is no snowflake', { type: 2, id: 'x' }, { kind: 'command', dedupeKey: 'discord:7:interaction:x', occurredAt: null }],
  ])('%s', (_what, fields, expected) => expect(told(fields)).toMatchObject([expected]));

  it('of another application is foreign', () => {
    expect(told({ type: 2 }, channelOf([key], {}, '6'))).toMatchObject([{ foreignAccount: true, ignoredBecause: 'foreign_account' }]);
  });
});

describe('an answer', () => {
  const answered = (body: JsonObject) => discord.answer?.(body);

  it.each([
    [1, { type: 1 }],
    [2, { type: 5 }],
    [3, { type: 6 }],
    [4, { type: 8, data: { choices: [] } }],
    [5, { type: 5 }],
  ])('to an interaction of type %i', (type, expected) => {
    const { status, body } = answered({ type, token: 't' }) ?? {};
    expect({ status, body: JSON.parse(body ?? '') }).toEqual({ status: 200, body: expected });
  });

  it('to a webhook event is empty, and its ping is no event', () => {
    expect(answered({ type: 1, application_id: '7', event: {} })).toMatchObject({ status: 204, body: '' });
    expect(answered({ type: 0, application_id: '7' })).toMatchObject({ status: 204, body: '' });
    expect(discord.normalise({ type: 0, application_id: '7' }, channelOf([key]), callOf('{}'))).toEqual([]);
    expect(discord.normalise({ type: 1, application_id: '7', event: {} }, channelOf([key]), callOf('{}'))).toMatchObject([
      { kind: 'unknown' },
    ]);
  });
});
