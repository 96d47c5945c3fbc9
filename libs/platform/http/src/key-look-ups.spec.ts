import { setImmediate as turn } from 'node:timers/promises';
import { hashOf } from '@sluice/tenancy-domain';
import type { Caller } from './auth.js';
import { KeyLookUps } from './key-look-ups.js';

const caller: Caller = { tenantId: 't', userId: 'key:1', role: 'editor' };
const [flooding, other] = ['203.0.113.7', '198.51.100.1'];
/** Hashes of keys that there are */
const there = new Set<string>();
const make = (key: string) => there.add(hashOf(key).toString('hex'));
let looks: number;
let underWay: number;
let mostUnderWay: number;
/** Happens after the store has looked and before it is heard. */
let meanwhile: () => void;
let keys: KeyLookUps;
beforeEach(() => {
  there.clear();
  looks = underWay = mostUnderWay = 0;
  meanwhile = () => {};
  keys = new KeyLookUps({ look, keptMs: 60_000 });
});

async function look(hashes: readonly string[]): Promise<(Caller | undefined)[]> {
  looks += 1;
  underWay += 1;
  mostUnderWay = Math.max(mostUnderWay, underWay);
  const found = hashes.map((hash) => (there.has(hash) ? caller : undefined));
  await turn();
  meanwhile();
  underWay -= 1;
  return found;
}

/** Many keys that somebody made up. `answered`: so many of them are */
function flood(): { answered: number; over: Promise<unknown> } {
  const state = { answered: 0, over: Promise.resolve() as Promise<unknown> };
  const made = Array.from({ length: 2_000 }, (_, n) => keys.find(`made up ${n}`, flooding).then(() => (state.answered += 1)));
  state.over = Promise.all(made);
  return state;
}

it('T-12 keys that are made up share few look-ups, one at a time', async () => {
  await flood().over;
  expect([looks, mostUnderWay]).toEqual([10, 1]);
});

it('T-12 a new key is found before the many of another source are looked up, and one that was found before even from their own', async () => {
  make('new');
  make('known');
  await keys.find('known', flooding);
  keys.forget();
  const made = flood();
  expect(await Promise.all([keys.find('known', flooding), keys.find('new', other)])).toEqual([caller, caller]);
  expect(made.answered).toBeLessThan(400);
  await made.over;
});

it('takes what was found for good until keys change, and asks for anything else each time', async () => {
  expect(await keys.find('key', other)).toBeUndefined();
  make('key');
  expect(await keys.find('key', other)).toEqual(caller);
  there.clear();
  expect(await keys.find('key', other)).toEqual(caller);
  keys.forget();
  expect(await keys.find('key', other)).toBeUndefined();
  expect(await keys.find('key', other)).toBeUndefined();
  expect(looks).toBe(4);
});

it('does not keep what was read before keys changed', async () => {
  make('key');
  meanwhile = () => {
    there.clear();
    keys.forget();
    meanwhile = () => {};
  };
  expect(await keys.find('key', other)).toEqual(caller);
  expect(await keys.find('key', other)).toBeUndefined();
});
