import type { ChannelEvent } from '@sluice/channels-domain';
import { newId } from '@sluice/kernel';
import { replay } from '@sluice/platform-projections';
import { channelSummary } from './channel-summary.projection.js';

it('keeps a channel after it was disconnected', () => {
  const id = newId();
  const connected: ChannelEvent = {
    type: 'channel.connected',
    aggregateId: id,
    payload: { provider: 'instagram', name: 'Shop', externalAccountId: '17', config: {}, expiresAt: null, by: 'ada' },
  };
  const disconnected: ChannelEvent = { type: 'channel.disconnected', aggregateId: id, payload: { reason: 'deleted', by: 'ada' } };
  expect(replay(channelSummary, [connected])).toMatchObject([{ id, provider: 'instagram', status: 'connected', createdBy: 'ada' }]);
  expect(replay(channelSummary, [connected, disconnected], 1)).toMatchObject([{ id, name: 'Shop', status: 'deleted' }]);
});
