import { generateKeyPairSync, sign } from 'node:crypto';
import { ed25519Matches } from './ed25519.js';

const pair = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { privateKey, raw: publicKey.export({ format: 'der', type: 'spki' }).subarray(-32) };
};
const signed = Buffer.from('what is signed');
const [ours, another] = [pair(), pair()];
const signature = sign(null, signed, ours.privateKey);

it('knows a signature by any of the keys', () => {
  expect(ed25519Matches(signed, [ours.raw], [signature])).toBe(true);
  expect(ed25519Matches(signed, [another.raw, ours.raw], [Buffer.alloc(64), signature])).toBe(true);
});

it.each([
  ['of something else', Buffer.from('what is not'), ours.raw, signature],
  ['by another key', signed, another.raw, signature],
  ['cut short', signed, ours.raw, signature.subarray(0, 63)],
  ['empty', signed, ours.raw, Buffer.alloc(0)],
  ['by a key cut short', signed, ours.raw.subarray(1), signature],
  ['by a key that is no point', signed, Buffer.alloc(32, 0xff), signature],
])('does not know one that is %s', (_what, data, key, given) => expect(ed25519Matches(data, [key], [given])).toBe(false));

it('knows none where there are no keys, or no signatures', () => {
  expect(ed25519Matches(signed, [], [signature])).toBe(false);
  expect(ed25519Matches(signed, [ours.raw], [])).toBe(false);
});
