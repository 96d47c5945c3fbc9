import { deciderSpec } from '@sluice/testing';
import type { ChannelEvent } from './channel-events.js';
import { type Channel, ChannelNotFound, connect, disconnect, evolve, hold, release, rotateCredentials, unconnected } from './channel.js';

const initial = unconnected('018f3b5e-0000-7000-8000-00000000000a', '018f3b5e-0000-7000-8000-00000000000c');
const given = deciderSpec<Channel, ChannelEvent>(evolve, initial);
const settings = { provider: 'instagram', name: 'Shop', externalAccountId: '17', config: {}, expiresAt: new Date('2027-01-01') };
const connected = connect(initial, settings, 'ada');
const byAda = (channel: Channel) => disconnect(channel, 'ada');

it('is connected with its settings', () => {
  expect(connected.reduce(evolve, initial)).toMatchObject({ ...settings, status: 'connected', createdBy: 'ada', streamVersion: 1 });
});
it('is deleted once', () =>
  given(...connected)
    .when(byAda)
    .then({ type: 'channel.disconnected', payload: { reason: 'deleted', by: 'ada' } }));
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
