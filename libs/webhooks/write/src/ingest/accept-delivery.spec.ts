import type { CanonicalEvent } from '@sluice/providers';
import { acceptDelivery } from './accept-delivery.js';
import type { Source } from './channel-directory.js';

const request = { body: Buffer.from('{}'), headers: {}, receivedAt: new Date('2026-01-01T12:00:00.000Z') };
const source: Source = {
  id: 'channel',
  tenantId: 'tenant',
  webhooksPerMinute: undefined,
  provider: 'instagram',
  channel: { externalAccountId: null, config: {}, secrets: { signingSecrets: [] }, publicUrl: '' },
  triggerTypes: [],
  route: () => Promise.resolve([]),
};
const terms = { actionType: 'all', correlationId: '', encryption: { keys: [] }, body: {}, isTest: false };

const event = (dedupeKey: string, occurredAt: string | null): CanonicalEvent => ({
  kind: 'message.text',
  action: 'message',
  dedupeKey,
  accountId: null,
  customerId: '9001',
  direction: 'in',
  occurredAt,
  triggers: true,
  raw: {},
});

it('N-11: puts the events of a call in the order in which they happened; those of one moment stay as they came', () => {
  const came = [
    event('later', '2026-01-01T11:59:59.000Z'),
    event('now', null),
    event('earlier', '2026-01-01T11:59:58.000Z'),
    event('as late', '2026-01-01T11:59:59.000Z'),
    event('of a clock ahead', '2026-01-01T12:00:01.000Z'),
  ];
  const routed = came.map((event) => ({ event, recipient: { id: 'channel', listeners: [] } }));
  const { events } = acceptDelivery(source, routed, request, terms);
  expect(events.map(({ canonical }) => canonical.dedupeKey)).toEqual(['earlier', 'later', 'as late', 'now', 'of a clock ahead']);
  const ids = events.map(({ id }) => id);
  expect(ids).toEqual(ids.toSorted());
});
