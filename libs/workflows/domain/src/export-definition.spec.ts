import type { JsonObject } from '@sluice/kernel';
import { exportDefinition } from './export-definition.js';

const tenantId = '018f3b5e-0000-7000-8000-00000000000a';
const exported = (config: JsonObject, settings: JsonObject = {}) =>
  exportDefinition({
    tenantId,
    name: 'Greet',
    description: null,
    tags: ['a'],
    settings,
    graph: { nodes: [{ id: 'n', type: 'http.request', config }], edges: [{ source: 'n', target: 'n' }] },
  });
const configOf = (config: JsonObject) => exported(config).nodes[0]?.['config'];

it('is the definition in one document', () => {
  expect(exported({ url: 'https://x.test/?q=1', headers: { accept: 'a' } }, { order: 'customer' })).toEqual({
    format: 'sluice.workflow',
    formatVersion: 1,
    name: 'Greet',
    description: null,
    tags: ['a'],
    settings: { order: 'customer' },
    nodes: [{ id: 'n', type: 'http.request', config: { url: 'https://x.test/?q=1', headers: { accept: 'a' } } }],
    edges: [{ source: 'n', target: 'n' }],
    omitted: [],
  });
});

it.each<[string, JsonObject, JsonObject]>([
  ['a credential', { credential: 'shop', url: 'u' }, { url: 'u' }],
  ['a channel', { channelId: '018f3b5e-0000-7000-8000-00000000000c', to: 'x' }, { to: 'x' }],
  ['the tenant, wherever it is named', { a: `x ${tenantId.toUpperCase()}`, b: { tenantId: 'y', c: 1 } }, { b: { c: 1 } }],
  ['an Authorization header', { headers: { Authorization: 'Bearer abc', accept: 'x' } }, { headers: { accept: 'x' } }],
  ['a key in a header', { headers: { 'X-Api-Key': 'abc', 'x-auth-token': 'abc' } }, { headers: {} }],
  ['a secret in a body', { body: [{ client_secret: 's', accessToken: 't', n: 1 }] }, { body: [{ n: 1 }] }],
  ['a secret beside a template', { headers: { Authorization: 'Bearer abc{{ env.rest }}' } }, { headers: {} }],
  ['a login in an address', { url: 'https://ada:pw@x.test/a' }, { url: 'https://x.test/a' }],
  ['a Google key in an address', { url: 'https://x.test/a?q=1&key=abc' }, { url: 'https://x.test/a?q=1&key=' }],
  ['a key in an address', { url: 'https://x.test/a?api_key=abc&q=1' }, { url: 'https://x.test/a?api_key=&q=1' }],
])('leaves out %s, and says so', (_, config, left) => {
  expect(configOf(config)).toEqual(left);
  expect(exported(config).omitted.length).toBeGreaterThan(0);
  expect(JSON.stringify(exported(config)).toLowerCase()).not.toMatch(new RegExp(`abc|:pw@|${tenantId}`));
});

it.each<JsonObject>([
  { headers: { authorization: 'Bearer {{ env.token }}', 'x-api-key': '{{ env.key }}' } },
  { url: 'https://x.test/{{ trigger.payload.id }}?token={{ env.token }}' },
  { channelId: '{{ trigger.channelId }}' },
  { key: 'counter', values: { author: 'Ada', keyword: 'x', monkey: 1, tokens: 3 } },
  { text: 'write to ada@x.test?' },
])('keeps what only says where a value comes from: %j', (config) => {
  expect(configOf(config)).toEqual(config);
  expect(exported(config).omitted).toEqual([]);
});

it('names what is missing by its path', () => {
  expect(exported({ headers: { cookie: 'c' }, channelId: 'x' }, { signingSecret: 's' }).omitted).toEqual([
    { path: 'settings.signingSecret', reason: 'secret' },
    { path: 'nodes[0].config.headers.cookie', reason: 'secret' },
    { path: 'nodes[0].config.channelId', reason: 'reference' },
  ]);
});
