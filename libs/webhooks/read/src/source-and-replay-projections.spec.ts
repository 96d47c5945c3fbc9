import type { ChannelDisconnected, ProviderAppDeleted } from '@sluice/channels-domain';
import { newId } from '@sluice/kernel';
import { replay as replayEvents } from '@sluice/platform-projections';
import type { ReplayEvent, SourceEvent, WebhookEvent } from '@sluice/webhooks-domain';
import { replay } from './replay.projection.js';
import { source } from './source.projection.js';

const [id, sourceId, eventId] = [newId(), newId(), newId()];

describe('a replay', () => {
  const filter = { channelId: sourceId, dateFrom: '2026-11-23T00:00:00.000Z', dateTo: '2026-11-24T00:00:00.000Z' };
  const started: ReplayEvent = {
    type: 'replay.started',
    aggregateId: id,
    payload: { name: 'Monday', filter, version: 'same', ratePerSecond: 0.5, reason: 'closed', total: 3, by: 'ada' },
  };
  const processed = (executionIds: string[], replayId?: string): WebhookEvent => ({
    type: 'webhook.processed',
    aggregateId: eventId,
    payload: { executionIds, webhookIds: [], ...(replayId === undefined ? {} : { replayId }) },
  });
  const failed: WebhookEvent = {
    type: 'webhook.failed',
    aggregateId: eventId,
    payload: { error: { code: 'x', message: 'y' }, executionIds: ['c'], replayId: id },
  };

  it('counts what it handed on and what that began; what others began is not its own', () => {
    const events = [
      started,
      { type: 'replay.progressed', aggregateId: id, payload: { done: 2 } },
      processed(['a', 'b'], id),
      processed(['z']),
      processed(['z'], newId()),
      failed,
      { type: 'replay.completed', aggregateId: id, payload: { done: 3 } },
    ] satisfies (ReplayEvent | WebhookEvent)[];
    const [row] = replayEvents(replay, events);
    expect(row).toMatchObject({ id, name: 'Monday', status: 'completed', total: 3, done: 3, executions: 3, failed: 1, endedBy: null });
    expect(row).toMatchObject({ request: { filter, version: 'same', ratePerSecond: 0.5, reason: 'closed' }, requestedBy: 'ada' });
    expect(replayEvents(replay, events, 1)).toEqual(replayEvents(replay, events));
  });

  it('says that it is paused, and who cancelled it', () => {
    const by = { aggregateId: id, payload: { by: 'bob' } };
    expect(replayEvents(replay, [started, { type: 'replay.paused', ...by }])).toMatchObject([{ status: 'paused', endedAt: null }]);
    expect(replayEvents(replay, [started, { type: 'replay.paused', ...by }, { type: 'replay.resumed', ...by }])).toMatchObject([
      { status: 'running' },
    ]);
    expect(replayEvents(replay, [started, { type: 'replay.cancelled', ...by }])).toMatchObject([{ status: 'cancelled', endedBy: 'bob' }]);
  });
});

describe('a source', () => {
  const silent: SourceEvent = {
    type: 'webhook.source.silent',
    aggregateId: id,
    payload: { sourceId, lastAcceptedAt: '2026-11-23T10:00:00.000Z', usualGapMs: 1_000, silentAfterMs: 3_600_000 },
  };
  const recovered = (from: 'silent' | 'signature_failures'): SourceEvent => ({
    type: 'webhook.source.recovered',
    aggregateId: id,
    payload: { sourceId, from, since: '2026-11-23T10:00:00.000Z' },
  });
  const failing: SourceEvent = {
    type: 'webhook.source.signature_failures',
    aggregateId: id,
    payload: { sourceId, failures: 10, calls: 12, since: '2026-11-23T10:00:00.000Z' },
  };
  const conflicted = (dedupeKey: string): SourceEvent => ({
    type: 'webhook.source.conflicted',
    aggregateId: id,
    payload: { sourceId, eventId, deliveryId: eventId, dedupeKey, differs: ['text'] },
  });
  const figures: SourceEvent = {
    type: 'webhook.source.figures',
    aggregateId: id,
    payload: {
      sourceId,
      acceptedCalls: 7,
      events: { accepted: 5, ignored: 1, duplicate: 1, conflicting: 1 },
      rejected: { signature_mismatch: 2 },
      lastAcceptedAt: '2026-11-23T10:00:00.000Z',
      lastRejectedAt: '2026-11-23T09:00:00.000Z',
      lastRejection: 'signature_mismatch',
      usualGapMs: null,
    },
  };

  it('has its figures, and its alerts until they are over', () => {
    expect(replayEvents(source, [failing])).toMatchObject([{ sourceId, acceptedCalls: 0, failingSince: expect.any(String) }]);
    expect(replayEvents(source, [figures, silent])).toMatchObject([
      { acceptedCalls: 7, silentSince: expect.any(String), failingSince: null, alerts: [{ type: 'silent' }] },
    ]);
    const [row] = replayEvents(source, [figures, silent, failing, recovered('silent'), recovered('signature_failures')]);
    expect(row).toMatchObject({ silentSince: null, failingSince: null });
    expect(row?.['alerts']).toMatchObject(['recovered', 'recovered', 'signature_failures', 'silent'].map((type) => ({ type })));
  });

  it.each<readonly [string, ChannelDisconnected | ProviderAppDeleted]>([
    ['channel', { type: 'channel.disconnected', aggregateId: sourceId, payload: { reason: 'deleted', by: 'ada' } }],
    ['provider app', { type: 'provider_app.deleted', aggregateId: sourceId, payload: { by: 'ada' } }],
  ])('of a deleted %s is neither silent nor failing any more, and keeps what was told of it', (_what, deleted) => {
    const [row] = replayEvents(source, [figures, silent, failing, deleted]);
    expect(row).toMatchObject({ acceptedCalls: 7, silentSince: null, failingSince: null, alerts: [{}, {}] });
    expect(replayEvents(source, [deleted])).toEqual([]);
  });

  it('of a channel whose token died is as silent as before', () => {
    const died: ChannelDisconnected = {
      type: 'channel.disconnected',
      aggregateId: sourceId,
      payload: { reason: 'credentials_dead', code: '190', message: 'expired', by: 'ada' },
    };
    expect(replayEvents(source, [silent, died])).toMatchObject([{ silentSince: expect.any(String) }]);
  });

  it('shows the newest conflicts', () => {
    const [row] = replayEvents(
      source,
      Array.from({ length: 25 }, (_, n) => conflicted(`k${n}`)),
    );
    expect(row?.['conflicts']).toHaveLength(20);
    expect(row?.['conflicts']).toMatchObject({ 0: { dedupeKey: 'k24', differs: ['text'] } });
  });
});
