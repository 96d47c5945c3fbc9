import { verdictOf } from './credentials.ts';

it('says that an old key may go when nothing is sealed with it any more', () => {
  const { code, text } = verdictOf({ resealed: 12, secretsByKey: new Map([['k2', 15]]) }, 'k2', ['k1']);
  expect(code).toBe(0);
  expect(text).toMatch(
    /^12 sealed anew\. Now: 15 sealed with "k2"\. "k1" may be taken out of ENCRYPTION_KEYS now, if every process has "k2" in front\./,
  );
});

it('says which keys must stay, in or out of ENCRYPTION_KEYS, and what to do', () => {
  const { code, text } = verdictOf(
    {
      resealed: 12,
      secretsByKey: new Map([
        ['k2', 12],
        ['k0', 1],
      ]),
    },
    'k2',
    ['k1'],
  );
  expect(code).toBe(1);
  expect(text).toContain('"k0" must stay in ENCRYPTION_KEYS: put "k2" in front in every process, and run this again.');
});

it('speaks of no other key where there is none', () => {
  expect(verdictOf({ resealed: 0, secretsByKey: new Map() }, 'k1', [])).toEqual({
    code: 0,
    text: '0 sealed anew. Now: nothing is sealed.',
  });
});
