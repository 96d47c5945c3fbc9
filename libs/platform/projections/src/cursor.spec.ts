import { CursorIsInvalid, openCursor, sealCursor } from './cursor.js';

const key = Buffer.alloc(32, 7);
const place = ['2026-11-23T12:00:00+00:00', '0190e6ff-5a52-7cc0-9a0c-0d2b4c0a9f3e', 3];
const cursor = sealCursor(key, 'acme executions', place);

it('goes on where it was sealed', () => {
  expect(openCursor(key, 'acme executions', cursor)).toEqual(place);
  expect(cursor).toMatch(/^[\w-]+$/);
});

it.each([
  ['another question', () => openCursor(key, 'other executions', cursor)],
  ['another key', () => openCursor(Buffer.alloc(32, 8), 'acme executions', cursor)],
  ['another place', () => openCursor(key, 'acme executions', `${cursor.slice(0, -3)}AAA`)],
  ['another signature', () => openCursor(key, 'acme executions', `AAA${cursor.slice(3)}`)],
  ['too short a text', () => openCursor(key, 'acme executions', cursor.slice(0, 20))],
  ['nothing', () => openCursor(key, 'acme executions', '')],
  ['any text', () => openCursor(key, 'acme executions', `' OR 1=1; -- ${'x'.repeat(80)}`)],
])('B-17: is refused for %s', (_, open) => {
  expect(open).toThrow(CursorIsInvalid);
});
