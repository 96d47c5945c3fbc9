import { deciderSpec } from '@sluice/testing';
import type { ChannelEvent } from './channel-events.js';
import { type Channel, connect, disconnect, evolve, unconnected } from './channel.js';

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
