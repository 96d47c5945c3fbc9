import { randomBytes } from 'node:crypto';
import { seal } from '@sluice/channels-domain';
import { keyProblems } from './key-problems.js';

const [k1, k2] = [
  { id: 'k1', key: randomBytes(32) },
  { id: 'k2', key: randomBytes(32) },
];
const use = (key: typeof k1, secrets = 1, context = 'tenant|channel|1') => ({
  keyId: key.id,
  secrets,
  one: { context, bytes: seal('secret', context, [key]).bytes },
});

it('finds nothing where every key that is in use is there', () => {
  expect(keyProblems([], [k2])).toEqual([]);
  expect(keyProblems([use(k1, 3), use(k2)], [k2, k1])).toEqual([]);
});

it('names each key that is missing, and how many need it', () => {
  expect(keyProblems([use(k1, 3), use(k2, 7), use(k1, 2)], [k2])).toEqual([
    'ENCRYPTION_KEYS: lacks the key "k1", which sealed 5 stored credentials. Add it back, behind the others; `npm run sluice -- credentials rekey` makes it dispensable.',
  ]);
});

it('tells a key from another one of the same name', () => {
  expect(keyProblems([use(k1)], [{ id: 'k1', key: randomBytes(32) }])).toEqual([
    'ENCRYPTION_KEYS: the key "k1" is not the one that sealed 1 stored credential. Give the right one, and a new key a new name.',
  ]);
});
