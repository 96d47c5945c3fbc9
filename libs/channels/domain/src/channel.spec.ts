import { deciderSpec } from '@sluice/testing';
import type { ChannelEvent } from './channel-events.js';
import {
  acceptedSecrets,
  type Channel,
  ChannelHoldsEvents,
  ChannelNotFound,
  connect,
  disconnect,
  evolve,
  hold,
  nextRefresh,
  nextWarning,
  refreshFailed,
  release,
  reportDead,
  retire,
  rotateCredentials,
  sendRefused,
  subscriptionLost,
  unconnected,
  warn,
} from './channel.js';

const initial = unconnected('018f3b5e-0000-7000-8000-00000000000a', '018f3b5e-0000-7000-8000-00000000000c');
const given = deciderSpec<Channel, ChannelEvent>(evolve, initial);
const settings = { provider: 'instagram', name: 'Shop', externalAccountId: '17', config: {}, expiresAt: new Date('2027-01-01') };
const connected = connect(initial, settings, 'ada');
const byAda = (channel: Channel) => disconnect(channel, 0, 'ada');

it('is connected with its settings', () => {
  expect(connected.reduce(evolve, initial)).toMatchObject({ ...settings, status: 'connected', createdBy: 'ada', streamVersion: 1 });
});
it('tells what was refused of what it sends, shortened, and nothing once it is deleted', () => {
  const channel = connected.reduce(evolve, initial);
  const [told] = sendRefused(channel, { code: 'permission_missing', message: 'm'.repeat(900) }, 'system');
  expect(told?.payload).toEqual({ code: 'permission_missing', message: 'm'.repeat(500), by: 'system' });
  expect(told === undefined ? undefined : evolve(channel, told)).toEqual({ ...channel, streamVersion: channel.streamVersion + 1 });
  expect(sendRefused({ ...channel, status: 'deleted' }, { code: 'x', message: '' }, 'system')).toEqual([]);
});
it('is deleted once', () =>
  given(...connected)
    .when(byAda)
    .then({ type: 'channel.disconnected', payload: { reason: 'deleted', by: 'ada' } }));
it('is not deleted while it holds events, which would never begin', () =>
  given(...connected)
    .when((channel) => disconnect(channel, 2, 'ada'))
    .thenThrows(ChannelHoldsEvents));
it('does nothing for one that is deleted', () =>
  given(...connected, ...byAda(connected.reduce(evolve, initial)))
    .when(byAda)
    .thenNothing());

const after = (...events: ChannelEvent[]) => events.reduce(evolve, initial);
const held = hold(after(...connected), 'ada');
const released = release(after(...connected, ...held), 'ada');
const deleted = byAda(after(...connected));

describe('holding and releasing', () => {
  it('is decided once each', () => {
    given(...connected)
      .when((channel) => hold(channel, 'ada'))
      .then({ type: 'channel.held', payload: { by: 'ada' } });
    given(...connected, ...held)
      .when((channel) => hold(channel, 'bob'))
      .thenNothing();
    given(...connected, ...held)
      .when((channel) => release(channel, 'bob'))
      .then({ type: 'channel.released', payload: { by: 'bob' } });
    given(...connected, ...held, ...released)
      .when((channel) => release(channel, 'bob'))
      .thenNothing();
    given(...connected)
      .when((channel) => release(channel, 'bob'))
      .thenNothing();
  });
  it('can be turned round while held events still begin', () => {
    expect(after(...connected, ...held, ...released).status).toBe('releasing');
    given(...connected, ...held, ...released)
      .when((channel) => hold(channel, 'ada'))
      .then({ type: 'channel.held' });
  });
  it.each([hold, release])('is not for a deleted channel: %p', (decide) =>
    given(...connected, ...deleted)
      .when((channel) => decide(channel, 'ada'))
      .thenThrows(ChannelNotFound),
  );
});

describe('new credentials', () => {
  it('have a number and an end, and are not in the event', () =>
    given(...connected)
      .when((channel) => rotateCredentials(channel, 2, null, 'ada'))
      .then({ type: 'channel.credentials.rotated', payload: { version: 2, expiresAt: null, by: 'ada' } }));
  it('are not for a deleted channel', () =>
    given(...connected, ...deleted)
      .when((channel) => rotateCredentials(channel, 2, null, 'ada'))
      .thenThrows(ChannelNotFound));
});

const daysBefore = (days: number, hours = 0) => new Date(Date.parse('2027-01-01T00:00:00Z') - days * 86_400_000 - hours * 3_600_000);
const expiresAt = '2027-01-01T00:00:00.000Z';
const rotated = rotateCredentials(after(...connected), 2, new Date('2027-03-01'), 'system:refresh');

it('signing secrets that were replaced are accepted until their time is over', () => {
  const credentials = { signingSecrets: ['new', 'same'], retiring: { signingSecrets: ['old', 'same'], until: expiresAt } };
  expect(acceptedSecrets(credentials, daysBefore(1))).toEqual(['new', 'same', 'old']);
  expect(acceptedSecrets(credentials, daysBefore(0))).toEqual(['new', 'same']);
  expect(acceptedSecrets({ signingSecrets: ['new'] }, daysBefore(1))).toEqual(['new']);
});

it('signing secrets that are replaced twice keep the time that each was given, unless they are given again', () => {
  const until = (signingSecrets: string[], days: number) => ({ signingSecrets, until: daysBefore(days).toISOString() });
  const second = { signingSecrets: ['b'], retiring: retire({ signingSecrets: ['a'] }, ['b'], daysBefore(1), daysBefore(9)) };
  expect(second.retiring).toEqual([until(['a'], 1)]);
  expect(retire(second, ['c'], daysBefore(5), daysBefore(7))).toEqual([until(['a'], 1), until(['b'], 5)]);
  expect(retire(second, ['a', 'c'], daysBefore(5), daysBefore(7))).toEqual([until(['b'], 5)]);
  expect(retire(second, ['c'], daysBefore(-5), daysBefore(0))).toEqual([until(['b'], -5)]);
  const third = { signingSecrets: ['c'], retiring: retire(second, ['c'], daysBefore(5), daysBefore(7)) };
  expect([6, 3, 0].map((days) => acceptedSecrets(third, daysBefore(days)))).toEqual([['c', 'a', 'b'], ['c', 'a'], ['c']]);
});

describe('warnings of the end of credentials', () => {
  const told = (days: number, ...events: ChannelEvent[]) =>
    warn(after(...connected, ...events), daysBefore(days), 'system').map((event) =>
      'daysLeft' in event.payload ? event.payload.daysLeft : 0,
    );

  it('come at 14, 7, 3 and 1 days and at the end, once each', () => {
    const events: ChannelEvent[] = [];
    const said: string[] = [];
    for (let hour = 20 * 24; hour >= -24; hour -= 1) {
      const now = daysBefore(0, hour);
      for (const event of warn(after(...connected, ...events), now, 'system')) {
        events.push(event);
        said.push(`${event.type} ${hour / 24}`);
      }
    }
    expect(said).toEqual([
      'channel.credentials.expiring 14',
      'channel.credentials.expiring 7',
      'channel.credentials.expiring 3',
      'channel.credentials.expiring 1',
      'channel.credentials.expired 0',
    ]);
    expect(events.at(-2)).toMatchObject({ payload: { daysLeft: 1, expiresAt, by: 'system' } });
    expect(after(...connected, ...events)).toMatchObject({ health: 'expired', healthReason: { code: 'credentials_expired' } });
  });

  it('that were missed are not told afterwards', () => {
    expect(told(2)).toEqual([3]);
    expect(told(2, ...warn(after(...connected), daysBefore(2), 'system'))).toEqual([]);
  });

  it('say in the row until when, and what to do', () =>
    expect(after(...connected, ...warn(after(...connected), daysBefore(7), 'system'))).toMatchObject({
      health: 'expiring',
      healthReason: {
        code: 'credentials_expiring',
        message: `The credentials expire at ${expiresAt}. Give the channel new ones before that.`,
      },
    }));

  it('begin anew with new credentials', () => {
    const warned = warn(after(...connected), daysBefore(1), 'system');
    expect(after(...connected, ...warned, ...rotated)).toMatchObject({ health: 'ok', healthReason: null, credentialsVersion: 2 });
    expect(told(1, ...warned, ...rotated)).toEqual([]);
    expect(warn(after(...connected, ...warned, ...rotated), new Date('2027-02-15'), 'system')).toMatchObject([
      { payload: { daysLeft: 14 } },
    ]);
  });

  it('are not for a channel whose credentials have no end, or that is deleted', () => {
    const endless = connect(initial, { ...settings, expiresAt: null }, 'ada');
    expect(warn(after(...endless), daysBefore(0), 'system')).toEqual([]);
    expect(told(0, ...deleted)).toEqual([]);
  });

  it('are known before: when there will be something to tell', () => {
    const warned = warn(after(...connected), daysBefore(14), 'system');
    expect(nextWarning(after(...connected))).toEqual(daysBefore(14));
    expect(nextWarning(after(...connected, ...warned))).toEqual(daysBefore(7));
    expect(nextWarning(after(...connected, ...warn(after(...connected), daysBefore(1), 'system')))).toEqual(daysBefore(0));
    expect(nextWarning(after(...connected, ...warn(after(...connected), daysBefore(0), 'system')))).toBeUndefined();
  });
});

describe('credentials that the provider calls dead', () => {
  const why = { code: '190', message: 'Invalid OAuth access token' };
  const dead = (channel: Channel) => reportDead(channel, 1, why, 'system');

  it('disconnect their channel once, and do not delete it', () => {
    given(...connected)
      .when(dead)
      .then({ type: 'channel.disconnected', payload: { reason: 'credentials_dead', ...why, by: 'system' } });
    const told = dead(after(...connected));
    expect(after(...connected, ...told)).toMatchObject({ status: 'connected', health: 'disconnected', healthReason: why });
    given(...connected, ...told)
      .when(dead)
      .thenNothing();
  });
  it('are forgotten with new ones, of which an old message says nothing', () => {
    const told = dead(after(...connected));
    expect(after(...connected, ...told, ...rotated)).toMatchObject({ health: 'ok', healthReason: null });
    given(...connected, ...rotated)
      .when(dead)
      .thenNothing();
  });
  it('need no warning, and their channel may still be held and deleted', () => {
    const told = dead(after(...connected));
    expect(warn(after(...connected, ...told), daysBefore(0), 'system')).toEqual([]);
    expect(after(...connected, ...told, ...held)).toMatchObject({ status: 'held', health: 'disconnected' });
    given(...connected, ...told)
      .when(byAda)
      .then({ type: 'channel.disconnected', payload: { reason: 'deleted' } });
  });
  it('are nothing to a deleted channel', () =>
    given(...connected, ...deleted)
      .when(dead)
      .thenNothing());
});

it('a refresh that failed and a subscription that was lost leave credentials as they are', () => {
  const failed = refreshFailed(after(...connected), { code: '2', message: 'temporary' }, new Date('2026-12-01'), 'system:refresh');
  const lost = subscriptionLost(after(...connected), undefined, 'system');
  expect(failed).toMatchObject([{ payload: { code: '2', message: 'temporary', againAt: '2026-12-01T00:00:00.000Z' } }]);
  expect(lost).toMatchObject([{ payload: { restored: true, code: null } }]);
  expect(after(...connected, ...failed, ...lost)).toEqual({ ...after(...connected), streamVersion: 3 });
});

describe('the next refresh', () => {
  const due = new Date('2026-12-25T00:00:00Z');
  const expiresAt = new Date('2026-12-25T06:00:00Z');
  const hours = (count: number) => new Date(due.getTime() + count * 3_600_000);
  const next = (health: Channel['health'], failures: number, failedAt: Date | null, afterEnd = false) =>
    nextRefresh({ status: 'connected', health, expiresAt }, due, { failures, failedAt }, { afterEnd });

  it('comes when it is due, after failures later and later, and not when the token has ended', () => {
    expect(next('ok', 0, null)).toEqual(due);
    expect([1, 2, 3].map((failures) => next('ok', failures, due))).toEqual([hours(1), hours(2), hours(4)]);
    expect([next('ok', 4, due), next('expired', 0, null), next('disconnected', 0, null)]).toEqual([undefined, undefined, undefined]);
  });
  it('comes after the end as well, where it is asked for with something else; of a dead one three times', () => {
    expect([next('ok', 4, due, true), next('expired', 9, due, true)]).toEqual([hours(8), hours(24)]);
    expect([0, 1, 2, 3].map((failures) => next('disconnected', failures, due, true))).toEqual([hours(1), hours(1), hours(2), undefined]);
  });
  it('is for no deleted channel', () =>
    expect(
      nextRefresh({ status: 'deleted', health: 'ok', expiresAt }, due, { failures: 0, failedAt: null }, { afterEnd: true }),
    ).toBeUndefined());
});
