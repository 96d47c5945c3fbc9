import type { CanonicalEvent } from '@sluice/providers';
import { accountsOf, type Recipient, routeByAccount } from './route-by-account.js';

const event = (accountId: string | null, facts: Partial<CanonicalEvent> = {}): CanonicalEvent => ({
  kind: 'message.text',
  action: 'message',
  dedupeKey: `instagram:${accountId}:1`,
  accountId,
  customerId: '9001',
  direction: 'in',
  occurredAt: null,
  triggers: true,
  raw: {},
  ...facts,
});
const listener = { id: 'w', triggerType: 'instagram', actionTypes: ['all'], mode: 'async' as const, queue: 'default' as const };
const shop: Recipient = { id: 'shop', listeners: [listener] };
const cafe: Recipient = { id: 'cafe', listeners: [] };
const route = (...events: CanonicalEvent[]) =>
  routeByAccount(
    events,
    'app',
    new Map([
      ['1', shop],
      ['2', cafe],
    ]),
  );

it('gives each event to the channel of its account, unchanged and in order', () => {
  const events = [event('1'), event('2'), event('1', { triggers: false, ignoredBecause: 'echo' })];
  expect(route(...events)).toEqual([
    { event: events[0], recipient: shop },
    { event: events[1], recipient: cafe },
    { event: events[2], recipient: shop },
  ]);
});

const echo = { triggers: false, ignoredBecause: 'echo' };
it.each([[event('3')], [event('3', echo)]])('keeps what belongs to no channel with the app, as foreign', (foreign) => {
  expect(route(foreign)).toEqual([
    {
      event: { ...foreign, triggers: false, ignoredBecause: 'foreign_account', foreignAccount: true },
      recipient: { id: 'app', listeners: [] },
    },
  ]);
});

it('keeps what names no account with the app, for the reason that it has', () => {
  const nameless = event(null, { triggers: false, ignoredBecause: 'too_deep' });
  expect(route(nameless)).toEqual([{ event: nameless, recipient: { id: 'app', listeners: [] } }]);
  expect(route(event(null))).toMatchObject([{ event: { triggers: false }, recipient: { id: 'app' } }]);
});

it('asks for each account once', () => {
  expect(accountsOf([event('1'), event(null), event('2'), event('1')])).toEqual(['1', '2']);
});
