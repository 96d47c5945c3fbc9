import { type ChannelEvent, connect, unconnected } from '@sluice/channels-domain';
import { newId } from '@sluice/kernel';
import { replay } from '@sluice/platform-projections';
import type { WebhookEvent } from '@sluice/webhooks-domain';
import { channelHealth } from './channel-health.projection.js';
import { channelSummary } from './channel-summary.projection.js';

const id = newId();
const expiresAt = '2027-01-01T00:00:00.000Z';
const settings = { provider: 'instagram', name: 'Shop', externalAccountId: '17', config: {}, expiresAt: new Date(expiresAt) };
const connected = connect(unconnected(newId(), id), settings, 'ada');
const event = (type: ChannelEvent['type'], payload: object) => ({ type, aggregateId: id, payload }) as ChannelEvent;
const received = (receivedAt: string) =>
  ({ type: 'webhook.received', aggregateId: newId(), payload: { receivedAt, event: { channelId: id } } }) as unknown as WebhookEvent;

const expiring = event('channel.credentials.expiring', { daysLeft: 7, expiresAt, by: 'system' });
const dead = event('channel.disconnected', { reason: 'credentials_dead', code: '190', message: 'Session has expired', by: 'system' });
const refreshed = event('channel.credentials.rotated', { version: 2, expiresAt: null, by: 'system:refresh' });

it.each([1, 2, 10])('the summary says how credentials are, since when and why (batches of %p)', (batchSize) => {
  const healthAfter = (...events: ChannelEvent[]) => replay(channelSummary, [...connected, ...events], batchSize)[0];
  expect(healthAfter()).toMatchObject({ health: 'ok', healthReason: null, healthSince: null });
  const warned = healthAfter(expiring);
  expect(warned).toMatchObject({ health: 'expiring', healthReason: { code: 'credentials_expiring' }, status: 'connected' });
  expect(healthAfter(expiring, event('channel.credentials.expiring', { daysLeft: 3, expiresAt, by: 'system' }))).toMatchObject({
    healthSince: warned?.['healthSince'],
  });
  expect(healthAfter(expiring, dead)).toMatchObject({
    health: 'disconnected',
    healthReason: { code: '190', message: 'Session has expired' },
    status: 'connected',
  });
  expect(healthAfter(expiring, dead, refreshed)).toMatchObject({ health: 'ok', healthReason: null, expiresAt: null });
});

it.each([1, 2, 10])('what went well last, and what did not (batches of %p)', (batchSize) => {
  const rowAfter = (...events: (ChannelEvent | WebhookEvent)[]) => replay(channelHealth, [...connected, ...events], batchSize)[0];
  const failed = event('channel.credentials.refresh_failed', { code: '2', message: 'temporary', againAt: null, by: 'system:refresh' });
  expect(rowAfter()).toMatchObject({ id, lastSuccessAt: null, lastError: null });
  expect(rowAfter(received('2026-11-30T10:00:00.000Z'), received('2026-11-30T09:00:00.000Z'), failed)).toMatchObject({
    lastSuccessAt: '2026-11-30T10:00:00.000Z',
    lastError: { code: '2', message: 'temporary', at: expect.any(String) },
  });
  expect(rowAfter(dead)).toMatchObject({ lastError: { code: '190' } });
  const refused = event('channel.send.refused', { code: 'permission_missing', message: 'The app may not do this', by: 'system' });
  expect(rowAfter(received('2026-11-30T10:00:00.000Z'), failed, refused)).toMatchObject({
    lastSuccessAt: '2026-11-30T10:00:00.000Z',
    lastError: { code: 'permission_missing', message: 'The app may not do this', at: expect.any(String) },
  });
  expect(rowAfter(refreshed)).toMatchObject({ lastSuccessAt: expect.any(String), lastError: null });
});

it('a row begins with whatever comes first, where the read model is younger than the log', () => {
  expect(replay(channelHealth, [received('2026-11-30T10:00:00.000Z')])).toMatchObject([
    { id, lastSuccessAt: '2026-11-30T10:00:00.000Z', lastError: null },
  ]);
  expect(replay(channelHealth, [dead])).toMatchObject([{ id, lastSuccessAt: null, lastError: { code: '190' } }]);
});
