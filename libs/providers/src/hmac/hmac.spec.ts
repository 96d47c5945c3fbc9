import { createHmac } from 'node:crypto';
import type { Json } from '@sluice/kernel';
import { callOf, callTime, channelOf } from '@sluice/testing';
import { hmac } from './hmac.js';

const secret = 'generic-hmac-secret-01';
const body = '{"a":1}';
const time = String(callTime.getTime() / 1000);
const verified = (config: Record<string, Json>, headers: Record<string, string | string[]>) =>
  hmac.verify(callOf(body, headers), channelOf([secret], config));
const digest = (text: string, algorithm = 'sha256', encoding: 'hex' | 'base64' | 'base64url' = 'hex') =>
  createHmac(algorithm, secret).update(text).digest(encoding);
const refused = (reason: string) => ({ ok: false, reason });

it.each(['sha1', 'sha256', 'sha512'])('can be %s, in any of three encodings', (algorithm) => {
  for (const encoding of ['hex', 'base64', 'base64url'] as const) {
    expect(verified({ header: 'X-S', algorithm, encoding, prefix: 'p=' }, { 'x-s': `p=${digest(body, algorithm, encoding)}` })).toEqual({
      ok: true,
    });
  }
});

it('signs time and body with a point between them, if nothing else is said', () => {
  expect(verified({ header: 'X-S', timestampHeader: 'X-T' }, { 'x-s': digest(`${time}.${body}`), 'x-t': time })).toEqual({ ok: true });
});

it('can sign its id, and then the id cannot be changed', () => {
  const config = { header: 'X-S', idHeader: 'X-Id', timestampHeader: 'X-T', signedTemplate: 'v0:{id}:{timestamp}:{body}' };
  const headers = { 'x-s': digest(`v0:I:${time}:${body}`), 'x-t': time, 'x-id': 'I' };
  expect(verified(config, headers)).toEqual({ ok: true });
  expect(verified(config, { ...headers, 'x-id': 'J' })).toEqual(refused('signature_mismatch'));
  expect(verified(config, { ...headers, 'x-id': ['I', 'I'] })).toEqual(refused('signature_repeated'));
  const { 'x-id': _, ...withoutId } = headers;
  expect(verified(config, withoutId)).toEqual(refused('id_missing'));
});

it('takes a body for what it is, also if it holds a placeholder', () => {
  const sent = '{"text":"{timestamp} {body} $& "}';
  const call = callOf(sent, { 'x-s': digest(`${time}.${sent}`), 'x-t': time });
  expect(hmac.verify(call, channelOf([secret], { header: 'X-S', timestampHeader: 'X-T' }))).toEqual({ ok: true });
});

it('is not confused by names that all objects have', () => {
  expect(verified({ header: 'constructor' }, {})).toEqual(refused('signature_missing'));
  expect(verified({ header: 'X-S', timestampHeader: 'toString' }, { 'x-s': digest(body) })).toEqual(refused('timestamp_missing'));
  const signedTemplate = '__proto__{body}constructor';
  expect(verified({ header: 'X-S', signedTemplate }, { 'x-s': digest(`__proto__${body}constructor`) })).toEqual({ ok: true });
});

it('keeps to the tolerance of the channel', () => {
  const old = String(callTime.getTime() / 1000 - 61);
  const headers = { 'x-s': digest(`${old}.${body}`), 'x-t': old };
  expect(verified({ header: 'X-S', timestampHeader: 'X-T', toleranceSeconds: 60 }, headers)).toEqual(refused('timestamp_stale'));
  expect(verified({ header: 'X-S', timestampHeader: 'X-T', toleranceSeconds: 61 }, headers)).toEqual({ ok: true });
});

it.each<Record<string, Json>>([
  {},
  { header: 7 },
  { header: 'X-S', algorithm: 'md5' },
  { header: 'X-S', encoding: 'rot13' },
  { header: 'X-S', toleranceSeconds: 0 },
  { header: 'X-S', toleranceSeconds: '300' },
  { header: 'X-S', signedTemplate: '{timestamp}' },
  { header: 'X-S', signedTemplate: '{timestamp}.{body}' },
  { header: 'X-S', signedTemplate: '{id}.{body}' },
  { header: 'X-S', signedTemplate: '{body}', timestampHeader: 'X-T' },
])('lets nobody in by a config that could not be meant: %j', (config) => {
  expect(verified(config, { 'x-s': digest(body), 'x-t': time })).toEqual(refused('config_invalid'));
});

it('reads JSON, a form, and nothing', () => {
  expect(hmac.parse?.(callOf('a=1', { 'content-type': 'application/x-www-form-urlencoded' }))).toEqual({ kind: 'json', value: { a: '1' } });
  expect(hmac.parse?.(callOf(''))).toEqual({ kind: 'json', value: null });
  expect(hmac.parse?.(callOf('plain'))).toEqual({ kind: 'malformed' });
});

it('has the body as its key where the id is missing, repeated or endless', () => {
  const keyWith = (headers: Record<string, string | string[]>) =>
    hmac.normalise({ a: 1 }, channelOf([secret], { idHeader: 'X-Id' }), callOf(body, headers))[0]?.dedupeKey;
  const byBody = keyWith({});
  expect(byBody).toMatch(/^hmac:sha256:[0-9a-f]{64}$/);
  expect(keyWith({ 'x-id': ['I', 'J'] })).toBe(byBody);
  expect(keyWith({ 'x-id': 'x'.repeat(5000) })).toBe(byBody);
  expect(keyWith({ 'x-id': 'I' })).toBe('hmac:I');
});
