import { randomBytes } from 'node:crypto';
import { isTest, testMark } from './test-mark.js';

const [one, other] = ['k1', 'k2'].map((id) => ({ id, key: randomBytes(32) }));
const keys = [one, other].flatMap((key) => key ?? []);
const body = Buffer.from('{"a":1}');
const mark = testMark(keys, 'channel', body);

it('T-10: marks what we made ourselves, and nothing else', () => {
  expect(isTest(mark, keys, 'channel', body)).toBe(true);
  expect(isTest(mark, keys, 'another', body)).toBe(false);
  expect(isTest(mark, keys, 'channel', Buffer.from('{"a":2}'))).toBe(false);
  expect([undefined, '', 'x', [mark]].some((header) => isTest(header, keys, 'channel', body))).toBe(false);
});

it('holds while keys change, and no longer', () => {
  const newest = { id: 'k3', key: randomBytes(32) };
  expect(isTest(mark, [newest, ...keys], 'channel', body)).toBe(true);
  expect(isTest(mark, [newest], 'channel', body)).toBe(false);
});
