import { randomBytes } from 'node:crypto';
import { EncryptionKeyIsUnknown, open, seal } from './sealing.js';

const old = { id: 'k1', key: randomBytes(32) };
const current = { id: 'k2', key: randomBytes(32) };

it('opens what was sealed, whatever key is first by then', () => {
  const sealed = seal('Müller 🔑', 'tenant|channel|1', [old]);
  expect(open(sealed, 'tenant|channel|1', [current, old])).toBe('Müller 🔑');
});

it('seals with the first key, never twice alike', () => {
  const [a, b] = [seal('same', 'c', [current, old]), seal('same', 'c', [current, old])];
  expect(a.keyId).toBe('k2');
  expect(a.bytes.equals(b.bytes)).toBe(false);
  expect(a.bytes.includes('same')).toBe(false);
});

it('does not open elsewhere', () => {
  expect(() => open(seal('s', 'tenant|channel|1', [old]), 'tenant|channel|2', [old])).toThrow();
});

it('does not open when a single bit was changed', () => {
  const { keyId, bytes } = seal('s', 'c', [old]);
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    expect(() => open({ keyId, bytes: changed }, 'c', [old])).toThrow();
  }
  expect(() => open({ keyId, bytes: bytes.subarray(0, 20) }, 'c', [old])).toThrow();
});

it('names a key that is gone', () => {
  expect(() => open(seal('s', 'c', [old]), 'c', [current])).toThrow(EncryptionKeyIsUnknown);
});
