import type { JsonObject } from '@sluice/kernel';
import type { EffectTools, StateAddress, StateChange, StoredState, TaskTools } from './node-type.js';
import { stateGet } from './state-get.js';
import { stateSet } from './state-set.js';

const node = (config: JsonObject) => ({ config, input: null, trigger: null, now: new Date(0), evaluate: () => undefined });
const nothing = () => Promise.reject(new Error('nothing else is needed'));

async function get(config: JsonObject, stored?: StoredState) {
  const asked: StateAddress[] = [];
  const readState: TaskTools['readState'] = (address) => {
    asked.push(address);
    return Promise.resolve(stored);
  };
  const outcome = await stateGet
    .run(node(config), { signal: new AbortController().signal, runCode: nothing, readState, respond: nothing })
    .catch((error: unknown) => error);
  return { outcome, asked };
}

async function set(config: JsonObject, answer: Awaited<ReturnType<EffectTools['writeState']>>) {
  const written: [StateAddress, StateChange][] = [];
  const tools: EffectTools = {
    idempotencyKey: 'key',
    signal: new AbortController().signal,
    writeState: (address, change) => {
      written.push([address, change]);
      return Promise.resolve(answer);
    },
    send: nothing,
    channel: nothing,
    pace: nothing,
    replyToken: () => undefined,
    lastMessageAt: nothing,
    credential: nothing,
    providerApi: () => '',
  };
  const outcome = await stateSet.run(node(config), tools).catch((error: unknown) => error);
  return { outcome, written };
}

const place = { scope: 'workflow', key: 'counter' } as const;
const output = (value: JsonObject, handle = 'out') => ({ kind: 'done', handle, output: value });

const badAddresses: [JsonObject, string][] = [
  [{ scope: 'world', key: 'a' }, '`scope` must be one of tenant, workflow, customer'],
  [{ key: 'a' }, '`scope` must be one of tenant, workflow, customer'],
  [{ scope: 'tenant', key: '' }, '`key` has no value: its expression found nothing'],
  [{ scope: 'tenant', key: { a: 1 } }, '`key` must be a text, not an object'],
  [{ scope: 'tenant', key: 'x'.repeat(201) }, '`key` has more than 200 characters: shorten it'],
  [{ scope: 'tenant', key: 'a\u0000b' }, '`key` has characters that are not allowed in it'],
  [{ scope: 'tenant', key: 'a\nb' }, '`key` has characters that are not allowed in it'],
  [{ scope: 'tenant', key: 'a\ud800' }, '`key` has characters that are not allowed in it'],
];
const failure = (message: string) => ({ code: 'config_invalid', message, options: { retryable: false } });

describe('state.get', () => {
  it('puts out the value and its version', async () => {
    const { outcome, asked } = await get(place, { value: { n: 1 }, version: 7 });
    expect(asked).toEqual([place]);
    expect(outcome).toEqual(output({ value: { n: 1 }, version: 7, found: true }));
  });

  it('puts out the default, and version 0, where there is none', async () => {
    expect((await get(place)).outcome).toEqual(output({ value: null, version: 0, found: false }));
    expect((await get({ ...place, default: [] })).outcome).toEqual(output({ value: [], version: 0, found: false }));
  });

  it('tells a value that is null from none', async () => {
    expect((await get({ ...place, default: 1 }, { value: null, version: 1 })).outcome).toEqual(
      output({ value: null, version: 1, found: true }),
    );
  });

  it.each(badAddresses)('asks for nothing when a template made nonsense of the address (%#)', async (config, message) => {
    const { outcome, asked } = await get(config);
    expect(outcome).toMatchObject(failure(message));
    expect(asked).toEqual([]);
  });

  it('counts characters, not their halves', async () => {
    expect((await get({ ...place, key: '👋'.repeat(200) })).outcome).toMatchObject({ kind: 'done' });
  });
});

describe('state.set', () => {
  it('writes, and puts out what is there then', async () => {
    const { outcome, written } = await set({ ...place, value: { n: 2 } }, { written: true, now: { value: { n: 2 }, version: 8 } });
    expect(written).toEqual([[place, { value: { n: 2 } }]]);
    expect(outcome).toEqual(output({ value: { n: 2 }, version: 8, written: true }));
  });

  it('hands on the version that must be there, and the time to live', async () => {
    const config = { ...place, value: null, ifVersion: '0', ttlMs: 1_000 };
    expect((await set(config, { written: true, now: { value: null, version: 1 } })).written).toEqual([
      [place, { value: null, ifVersion: 0, ttlMs: 1_000 }],
    ]);
  });

  it('leaves by `conflict`, with what is there, when another version is', async () => {
    const config = { ...place, value: 1, ifVersion: 7 };
    expect((await set(config, { written: false, now: { value: 5, version: 9 } })).outcome).toEqual(
      output({ value: 5, version: 9, written: false }, 'conflict'),
    );
    expect((await set(config, { written: false, now: undefined })).outcome).toEqual(
      output({ value: null, version: 0, written: false }, 'conflict'),
    );
  });

  it('has that handle only where a version is asked for', () => {
    expect(stateSet.handles({ ...place, value: 1 })).toEqual(['out']);
    expect(stateSet.handles({ ...place, value: 1, ifVersion: '{{ input.version }}' })).toEqual(['out', 'conflict']);
  });

  it('deletes', async () => {
    const { outcome, written } = await set({ ...place, delete: true, ifVersion: 3 }, { written: true, now: undefined });
    expect(written).toEqual([[place, { ifVersion: 3 }]]);
    expect(outcome).toEqual(output({ value: null, version: 0, written: true }));
  });

  it.each<[JsonObject, string]>([
    ...badAddresses.map(([address, message]): [JsonObject, string] => [{ ...address, value: 1 }, message]),
    [{ ...place }, '`value` has no value: its expression found nothing. `delete` deletes'],
    [{ ...place, delete: false }, '`value` has no value: its expression found nothing. `delete` deletes'],
    [{ ...place, value: 'x'.repeat(65_535) }, '`value` has 65537 bytes as JSON, and at most 65536 are kept: shorten it'],
    [{ ...place, value: 1, ifVersion: -1 }, `\`ifVersion\` must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`],
    [{ ...place, value: 1, ifVersion: 'new' }, `\`ifVersion\` must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`],
    [{ ...place, value: 1, ttlMs: 0 }, '`ttlMs` must be a whole number from 1 to 316224000000'],
  ])('writes nothing when a template made nonsense of the config (%#)', async (config, message) => {
    const { outcome, written } = await set(config, { written: true, now: undefined });
    expect(outcome).toMatchObject(failure(message));
    expect(written).toEqual([]);
  });

  it.each(['a\u0000b', 'half \ud83d', '\\\u0000'])('B-04: refuses what no store keeps: %j', async (text) => {
    const message = '`value` has a NUL character or half of an emoji in it: such texts cannot be kept';
    expect((await set({ ...place, value: { [text]: 1 } }, { written: true, now: undefined })).outcome).toMatchObject(failure(message));
    expect((await set({ ...place, value: [text] }, { written: true, now: undefined })).outcome).toMatchObject(failure(message));
  });

  it.each(['\\u0000', '👋', '\\\\ud800'])('B-04: keeps what only looks like it: %j', async (text) => {
    expect((await set({ ...place, value: text }, { written: true, now: undefined })).written).toHaveLength(1);
  });
});
