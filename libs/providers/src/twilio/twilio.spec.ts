import { createHash, createHmac } from 'node:crypto';
import type { JsonObject } from '@sluice/kernel';
import { callOf, channelOf } from '@sluice/testing';
import { twilio } from './twilio.js';

const secret = '0f1e2d3c4b5a69788796a5b4c3d2e1f0';
const url = '/webhooks/c/twilio/message';
const address = `https://hooks.example.com${url}`;
const form = 'application/x-www-form-urlencoded';

const signatureOf = (text: string) => createHmac('sha1', secret).update(text).digest('base64');
const call = (text: string, body: string, { type = form, path = url, query = {} as Record<string, string> } = {}) =>
  callOf(body, { 'content-type': type, 'x-twilio-signature': signatureOf(text) }, { url: path, query });
const verified = (...made: Parameters<typeof call>) => twilio.verify(call(...made), channelOf([secret])).ok;

describe('the signed address', () => {
  it('may have its port, or not, wherever that stands with us', () => {
    expect(verified(`${address}a1`, 'a=1')).toBe(true);
    expect(verified(`https://hooks.example.com:443${url}a1`, 'a=1')).toBe(true);
    expect(verified(`https://hooks.example.com:444${url}a1`, 'a=1')).toBe(false);
    const withPort = { ...channelOf([secret]), publicUrl: 'https://hooks.example.com:8443' };
    for (const port of ['', ':8443']) {
      expect(twilio.verify(call(`https://hooks.example.com${port}${url}a1`, 'a=1'), withPort)).toEqual({ ok: true });
    }
  });

  it('has its query as it was sent or as a URL writes it', () => {
    const path = `${url}?name=o'neill`;
    expect(verified(`${address}?name=o'neilla1`, 'a=1', { path })).toBe(true);
    expect(verified(`${address}?name=o%27neilla1`, 'a=1', { path })).toBe(true);
    expect(verified(`${address}a1`, 'a=1', { path })).toBe(false);
  });

  it('is never taken from the caller', () => {
    const evil = call('https://evil.example.com/xa1', 'a=1');
    const headers = { ...evil.headers, host: 'evil.example.com', 'x-forwarded-host': 'evil.example.com' };
    expect(twilio.verify({ ...evil, headers }, channelOf([secret]))).toEqual({ ok: false, reason: 'signature_mismatch' });
  });

  it('is the one in the console, if the channel says so', () => {
    const channel = channelOf([secret], { publicUrl: 'https://mine.example.com/in?x=1' });
    expect(twilio.verify(call('https://mine.example.com/in?x=1a1', 'a=1'), channel)).toEqual({ ok: true });
    expect(twilio.verify(call(`${address}a1`, 'a=1'), channel).ok).toBe(false);
  });
});

describe('the signed body', () => {
  it('counts every field once, in order, decoded and untrimmed', () => {
    expect(verified(`${address}Aé B2a1a3`, 'a=3&B=2&a=1&A=%C3%A9+&a=1')).toBe(true);
    expect(verified(`${address}a1`, 'a=1&b=2')).toBe(false);
    expect(verified(`${address}a1b2`, 'a=1')).toBe(false);
  });

  it('is covered by its hash where it is no form', () => {
    const body = '{"a":1}';
    const hash = createHash('sha256').update(body).digest('hex');
    const more = { type: 'application/json', path: `${url}?bodySHA256=${hash}`, query: { bodySHA256: hash } };
    expect(verified(`${address}?bodySHA256=${hash}`, body, more)).toBe(true);
    expect(verified(`${address}?bodySHA256=${hash}`, `${body} `, more)).toBe(false);
    expect(verified(`${address}?bodySHA256=${hash}`, '', { ...more, type: form })).toBe(false);
    expect(verified(address, body, { type: 'application/json' })).toBe(false);
  });

  it('needs one signature, whole, in base64', () => {
    const good = call(`${address}a1`, 'a=1');
    const given = (signature: string | readonly string[]) =>
      twilio.verify({ ...good, headers: { ...good.headers, 'x-twilio-signature': signature } }, channelOf([secret]));
    const signature = signatureOf(`${address}a1`);
    expect(given([signature, signature])).toEqual({ ok: false, reason: 'signature_repeated' });
    expect(given(signature.slice(0, -4)).ok).toBe(false);
    expect(given(Buffer.from(signature, 'base64').toString('hex')).ok).toBe(false);
    expect(given('')).toEqual({ ok: false, reason: 'signature_malformed' });
  });
});

describe('an event', () => {
  const told = (fields: JsonObject, channel = channelOf([secret])) =>
    twilio.normalise({ AccountSid: 'AC1', ...fields }, channel, callOf(''))[0];

  it.each<[string, JsonObject, object]>([
    [
      'media',
      { MessageSid: 'MM1', From: '+1', Body: '', NumMedia: '1', MediaUrl0: 'u', MediaContentType0: 'image/jpeg' },
      { kind: 'message', attachments: [{ type: 'image', url: 'u' }], triggers: true },
    ],
    [
      'a button',
      { MessageSid: 'SM1', From: '+1', Body: 'Yes', ButtonPayload: 'yes' },
      { kind: 'quick_reply', payload: 'yes', triggers: true },
    ],
    ['one from nobody', { MessageSid: 'SM1', Body: 'x' }, { kind: 'unknown', ignoredBecause: 'unknown' }],
    [
      'a failure',
      { MessageSid: 'SM1', MessageStatus: 'undelivered', ErrorCode: '30003', To: '+1' },
      { kind: 'status_undelivered', errorCode: '30003', direction: 'out', ignoredBecause: 'receipt' },
    ],
    [
      'a call',
      { CallSid: 'CA1', CallStatus: 'ringing', Direction: 'inbound', From: '+1' },
      { kind: 'call', customerId: '+1', triggers: true },
    ],
    ['its end', { CallSid: 'CA1', CallStatus: 'no-answer', From: '+1' }, { kind: 'call_no-answer', ignoredBecause: 'receipt' }],
    [
      'a call of ours',
      { CallSid: 'CA1', CallStatus: 'ringing', Direction: 'outbound-api', To: '+2' },
      { direction: 'out', customerId: '+2', ignoredBecause: 'receipt' },
    ],
    ['anything else', { FaxSid: 'FX1' }, { kind: 'unknown', accountId: 'AC1', ignoredBecause: 'unknown' }],
  ])('%s', (_what, fields, expected) => expect(told(fields)).toMatchObject(expected));

  it('of another account is foreign', () => {
    const message = { MessageSid: 'SM1', From: '+1', Body: 'x' };
    expect(told(message, channelOf([secret], {}, 'AC2'))).toMatchObject({ foreignAccount: true, ignoredBecause: 'foreign_account' });
  });
});

it('is answered in TwiML, whatever it said', () => {
  for (const body of [null, [], { MessageSid: 'SM1' }]) expect(twilio.answer?.(body)).toMatchObject({ status: 200, body: '<Response/>' });
});
