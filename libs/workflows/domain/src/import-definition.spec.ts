import { exportDefinition } from './export-definition.js';
import { findingsOfImport } from './import-definition.js';

const known = { channels: [], credentials: [], workflows: [], env: [], codeNodes: false };
const id = '018f3b5e-0000-7000-8000-00000000000f';
const theirs = '018f3b5e-0000-7000-8000-00000000000c';
const trigger = { id: 'start', type: 'trigger.manual', config: {} };
const imported = (config: object, omitted: Parameters<typeof findingsOfImport>[1] = []) => {
  const nodes = [trigger, { id: 'call', type: 'http.request', config: JSON.parse(JSON.stringify(config)) }];
  const graph = { nodes, edges: [{ source: 'start', target: 'call' }] };
  return findingsOfImport({ id, name: 'Greet', graph, settings: {} }, omitted, known);
};

it('has nothing to say about a whole document', () => expect(imported({ url: 'https://x.test' })).toEqual([]));

it('B-16: an id of another tenant names nothing here', () => {
  expect(imported({ url: 'https://x.test', credential: theirs })).toMatchObject([
    { path: 'nodes[1].config.credential', code: 'unknown_credential' },
  ]);
});

it('asks for what the export left out, as warnings', () => {
  const graph = {
    nodes: [trigger, { id: 'call', type: 'http.request', config: { url: 'https://x.test', credential: theirs, headers: { cookie: 'c' } } }],
    edges: [{ source: 'start', target: 'call' }],
  };
  const { nodes, omitted } = exportDefinition({ tenantId: id, name: 'x', description: null, tags: [], settings: {}, graph });
  expect(nodes[1]?.['config']).toEqual({ url: 'https://x.test', headers: {} });
  expect(imported({ url: 'https://x.test', headers: {} }, omitted)).toEqual([
    {
      path: 'nodes[1].config.credential',
      code: 'left_out',
      message: 'What was named here belongs to the tenant that the document comes from: name one of your own',
      severity: 'warning',
    },
    {
      path: 'nodes[1].config.headers.cookie',
      code: 'left_out',
      message: 'What looked like a secret was left out when the document was made: fill it in, by a credential if there can be one',
      severity: 'warning',
    },
  ]);
});

it('says at most 1 000 things', () => {
  const omitted = Array.from({ length: 2_000 }, (_, index) => ({ path: `nodes[${index}]`, reason: 'secret' as const }));
  expect(imported({}, omitted)).toHaveLength(1_000);
});
