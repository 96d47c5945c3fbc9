import { verifyTimestamp } from './timestamps.js';

const receivedAt = new Date('2026-11-02T09:30:00.000Z');
const now = receivedAt.getTime() / 1000;

it.each([
  ['now', String(now), { ok: true }],
  ['300 s ago', String(now - 300), { ok: true }],
  ['in 300 s', String(now + 300), { ok: true }],
  ['301 s ago', String(now - 301), { ok: false, reason: 'timestamp_stale' }],
  ['in 301 s', String(now + 301), { ok: false, reason: 'timestamp_future' }],
  ['absent', undefined, { ok: false, reason: 'timestamp_missing' }],
  ['repeated', [String(now), String(now)], { ok: false, reason: 'timestamp_malformed' }],
  ['empty', '', { ok: false, reason: 'timestamp_malformed' }],
  ['followed by letters', `${now}abc`, { ok: false, reason: 'timestamp_malformed' }],
  ['negative', `-${now}`, { ok: false, reason: 'timestamp_malformed' }],
  ['with a fraction', `${now}.5`, { ok: false, reason: 'timestamp_malformed' }],
  ['in exponents', '1e9', { ok: false, reason: 'timestamp_malformed' }],
  ['surrounded by spaces', ` ${now} `, { ok: false, reason: 'timestamp_malformed' }],
  ['endless', '9'.repeat(400), { ok: false, reason: 'timestamp_malformed' }],
  ['in milliseconds where seconds are due', String(now * 1000), { ok: false, reason: 'timestamp_future' }],
])('T-11: a time that is %s', (_what, header, expected) => expect(verifyTimestamp(header, receivedAt)).toEqual(expected));

it.each([
  ['milliseconds', String(now * 1000 - 300_000), { ok: true }],
  ['milliseconds', String(now * 1000 - 300_001), { ok: false, reason: 'timestamp_stale' }],
  ['milliseconds', String(now * 1000 + 300_001), { ok: false, reason: 'timestamp_future' }],
  ['iso8601', '2026-11-02T09:25:00Z', { ok: true }],
  ['iso8601', '2026-11-02T11:30:00.5+02:00', { ok: true }],
  ['iso8601', '2026-11-02T09:24:59.999Z', { ok: false, reason: 'timestamp_stale' }],
  ['iso8601', '2026-11-02T09:30:00', { ok: false, reason: 'timestamp_malformed' }],
  ['iso8601', '2026-13-02T09:30:00Z', { ok: false, reason: 'timestamp_malformed' }],
  ['iso8601', String(now), { ok: false, reason: 'timestamp_malformed' }],
] as const)('as %s: %s', (format, header, expected) => expect(verifyTimestamp(header, receivedAt, format)).toEqual(expected));

it('keeps to another window where one is asked for', () => {
  expect(verifyTimestamp(String(now - 61), receivedAt, 'seconds', 60_000)).toEqual({ ok: false, reason: 'timestamp_stale' });
  expect(verifyTimestamp(String(now - 301), receivedAt, 'seconds', 600_000)).toEqual({ ok: true });
});
