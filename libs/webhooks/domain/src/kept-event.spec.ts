import { blobIn, blobsIn } from '@sluice/kernel';
import { isLarge, keptEvent } from './kept-event.js';
import type { TriggerEvent } from './webhook-events.js';

const event: TriggerEvent = {
  id: 'e',
  provider: 'instagram',
  channelId: 'c',
  kind: 'message',
  action: 'message',
  dedupeKey: 'k',
  accountId: null,
  customerId: '9001',
  direction: 'in',
  triggers: true,
  occurredAt: '2026-11-23T10:00:00.000Z',
  receivedAt: '2026-11-23T10:00:00.000Z',
  text: 'hello',
};
const long = 'x'.repeat(70_000);
const anyBody = 1_000_000;

describe('an event', () => {
  it('of less than 64 KiB stays as it is, also one whose body was larger', () => {
    for (const small of [event, { ...event, text: 'x'.repeat(60_000) }]) {
      expect(keptEvent(small, anyBody)).toEqual({ event: small, blobs: [] });
    }
  });

  it('B-15: of more has its large members kept apart, and nothing else', () => {
    const payload = { b: long, a: 1 };
    const { event: kept, blobs } = keptEvent({ ...event, text: long, payload, ref: 'r' }, anyBody);
    expect(blobs.map(({ bytes }) => JSON.parse(bytes.toString()))).toEqual([long, payload]);
    expect([blobIn(kept.text), blobIn(kept.payload)]).toEqual(blobs.map(({ sha256, bytes }) => ({ sha256, bytes: bytes.length })));
    expect(kept).toMatchObject({ id: 'e', kind: 'message', customerId: '9001', dedupeKey: 'k', ref: 'r' });
    expect(JSON.stringify(kept).length).toBeLessThan(1_000);
    // Whoever copies what an event of the log refers to finds them.
    expect(blobsIn({ rawPayload: { $ref: 'delivery' }, event: kept })).toHaveLength(2);
  });

  it('takes the text of its payload as it came, where there is one', () => {
    const came = Buffer.from(`{ "a": "${long}" }`);
    const { event: kept, blobs } = keptEvent({ ...event, payload: { a: long } }, anyBody, () => came);
    expect(blobs.map(({ bytes }) => bytes === came)).toEqual([true]);
    expect(blobIn(kept.payload)).toEqual({ sha256: blobs[0]?.sha256, bytes: came.length });
  });

  it('B-15: is never larger than 64 KiB, whatever of it is large', () => {
    const text = 'é'.repeat(20_000);
    const attachments = Array.from({ length: 3_000 }, (_, n) => ({ type: 'image', url: `https://example.com/${n}` }));
    const { event: kept, blobs } = keptEvent(
      { ...event, text, attachments, emoji: text, replyTo: text, ref: text, payload: text },
      anyBody,
    );
    expect(Buffer.byteLength(JSON.stringify(kept))).toBeLessThan(64 * 1024);
    // Equal members are one value.
    expect(new Set(blobs.map(({ sha256 }) => sha256)).size).toBe(2);
  });
});

it.each([
  ['\u0001'.repeat(8_000), 8_192, false],
  ['\u0001'.repeat(12_000), 12_100, true],
  [Array.from({ length: 4_000 }, () => 1e20), 20_000, true],
  [Array.from({ length: 2_000 }, () => 1), 20_000, false],
  ['x'.repeat(65_534), anyBody, false],
  ['x'.repeat(65_535), anyBody, true],
])('B-15: what is large is told by its JSON: %#', (value, bodyBytes, expected) => {
  expect(Buffer.byteLength(JSON.stringify(value)) > 64 * 1024).toBe(expected);
  expect(isLarge(value, bodyBytes)).toBe(expected);
});
