import { createHmac } from 'node:crypto';
import type { JsonObject } from '@sluice/kernel';
import { callOf, callTime, channelOf } from '@sluice/testing';
import { slack } from './slack.js';

const secret = '7d1e4c2b9a8f06543210fedcba987654';
const now = callTime.getTime() / 1000;
const channel = channelOf([secret]);

function signed(body: string, { time = String(now), key = secret, type = 'application/json', encoding = 'hex' as 'hex' | 'base64' } = {}) {
  const digest = createHmac('sha256', key).update(`v0:${time}:${body}`).digest(encoding);
  return callOf(body, { 'content-type': type, 'x-slack-request-timestamp': time, 'x-slack-signature': `v0=${digest}` });
}
const refused = (reason: string) => ({ ok: false, reason });

describe('verification', () => {
  it.each([
    ['300 s old', signed('{}', { time: String(now - 300) }), { ok: true }],
    ['300 s ahead', signed('{}', { time: String(now + 300) }), { ok: true }],
    ['301 s old', signed('{}', { time: String(now - 301) }), refused('timestamp_stale')],
    ['301 s ahead', signed('{}', { time: String(now + 301) }), refused('timestamp_future')],
    ['with another secret', signed('{}', { key: 'other' }), refused('signature_mismatch')],
    ['in base64', signed('{}', { encoding: 'base64' }), refused('signature_malformed')],
    ['with nothing', callOf('{}'), refused('signature_missing')],
    ['without a time', callOf('{}', { 'x-slack-signature': 'v0=00' }), refused('timestamp_missing')],
  ])('of a call %s', (_what, call, expected) => expect(slack.verify(call, channel)).toEqual(expected));

  it('of a signature that was cut, repeated, or made for another body', () => {
    const { headers } = signed('{}');
    const signature = String(headers['x-slack-signature']);
    expect(slack.verify(callOf('{}', { ...headers, 'x-slack-signature': signature.slice(0, -2) }), channel)).toEqual(
      refused('signature_malformed'),
    );
    expect(slack.verify(callOf('{}', { ...headers, 'x-slack-signature': [signature, signature] }), channel)).toEqual(
      refused('signature_repeated'),
    );
    expect(slack.verify(callOf('{} ', headers), channel)).toEqual(refused('signature_mismatch'));
  });
});

describe('an event', () => {
  const authorizations = [{ team_id: 'T1', user_id: 'UBOT', is_bot: true }];
  const told = (event: JsonObject, to = channel) =>
    slack.normalise(
      { type: 'event_callback', team_id: 'T1', event_id: 'Ev1', event_time: now, authorizations, event },
      to,
      signed('{}'),
    )[0];
  const message = { type: 'message', user: 'U1', channel: 'C1', text: 'hi', ts: '2.1' };

  it.each<[string, JsonObject, object]>([
    ['a reply in a thread', { ...message, thread_ts: '1.1' }, { kind: 'message', replyTo: '1.1', triggers: true }],
    ['the first of a thread', { ...message, thread_ts: '2.1' }, { kind: 'message', replyTo: undefined, triggers: true }],
    [
      'files',
      { ...message, subtype: 'file_share', files: [{ mimetype: 'image/png', url_private: 'u' }, { mimetype: 'text/plain' }] },
      { kind: 'message', attachments: [{ type: 'image', url: 'u' }, { type: 'file' }], triggers: true },
    ],
    ['a message of our bot', { ...message, user: 'UBOT' }, { direction: 'out', customerId: null, ignoredBecause: 'echo' }],
    ['one of another bot', { ...message, bot_id: 'B2' }, { kind: 'message_bot', direction: 'in', customerId: 'U1', ignoredBecause: 'bot' }],
    [
      'a deletion',
      { ...message, subtype: 'message_deleted', previous_message: { user: 'U1' } },
      { kind: 'unsend', ignoredBecause: 'deletion' },
    ],
    ['somebody who joined', { ...message, subtype: 'channel_join' }, { kind: 'system', ignoredBecause: 'system' }],
    ['a mention', { ...message, type: 'app_mention' }, { kind: 'mention', action: 'mention', text: 'hi', triggers: true }],
    ['a mention by a bot', { ...message, type: 'app_mention', bot_id: 'B2' }, { kind: 'mention', ignoredBecause: 'bot' }],
    [
      'a reaction',
      { type: 'reaction_added', user: 'U1', reaction: 'tada', item: { channel: 'C1' } },
      { kind: 'reaction', emoji: 'tada', conversationId: 'C1', triggers: true },
    ],
    ['our own reaction', { type: 'reaction_added', user: 'UBOT', reaction: 'eyes' }, { kind: 'reaction', ignoredBecause: 'echo' }],
    [
      'a reaction taken back',
      { type: 'reaction_removed', user: 'U1', reaction: 'tada' },
      { kind: 'unreaction', ignoredBecause: 'removal' },
    ],
    ['anything else', { type: 'brand_new' }, { kind: 'unknown', dedupeKey: 'slack:T1:event:Ev1', ignoredBecause: 'unknown' }],
  ])('%s', (_what, event, expected) => expect(told(event)).toMatchObject(expected));

  it('of another workspace is foreign', () => {
    expect(told(message, channelOf([secret], {}, 'T2'))).toMatchObject({ foreignAccount: true, ignoredBecause: 'foreign_account' });
  });
});

describe('an interaction', () => {
  const form = (payload: unknown) => {
    const call = signed(new URLSearchParams({ payload: JSON.stringify(payload) }).toString(), {
      type: 'application/x-www-form-urlencoded',
    });
    const parsed = slack.parse?.(call);
    return parsed?.kind === 'json'
      ? { event: slack.normalise(parsed.value, channel, call)[0], answer: slack.answer?.(parsed.value) }
      : undefined;
  };
  const who = { team: { id: 'T1' }, user: { id: 'U1' }, trigger_id: 'tr' };

  it.each([
    ['a choice', { type: 'block_actions', actions: [{ selected_option: { value: 'red' } }] }, { kind: 'postback', payload: 'red' }],
    ['a shortcut', { type: 'shortcut', callback_id: 'cb' }, { kind: 'shortcut', payload: 'cb' }],
    ['a form', { type: 'view_submission', view: { callback_id: 'v' } }, { kind: 'view_submission', payload: 'v' }],
  ])('%s triggers and is answered with nothing to show', (_what, payload, expected) => {
    const { event, answer } = form({ ...who, ...payload }) ?? {};
    expect(event).toMatchObject({
      ...expected,
      action: 'postback',
      dedupeKey: 'slack:T1:interaction:tr',
      customerId: 'U1',
      triggers: true,
    });
    expect(event?.occurredAt).toBe(callTime.toISOString());
    expect(answer).toEqual({ status: 200, contentType: 'text/plain; charset=utf-8', body: '' });
  });

  it('of a new sort is unknown', () =>
    expect(form({ ...who, type: 'hologram' })?.event).toMatchObject({ kind: 'unknown', accountId: 'T1' }));
});

it('gives a challenge back, and nothing that only looks like one', () => {
  expect(slack.answer?.({ type: 'url_verification', challenge: 'c"' })?.body).toBe('{"challenge":"c\\""}');
  expect(slack.answer?.({ type: 'url_verification', challenge: 1 })).toBeUndefined();
  expect(slack.answer?.({ challenge: 'c' })).toBeUndefined();
});
