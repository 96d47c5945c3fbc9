import type { Json, JsonObject } from '@sluice/kernel';
import { callsOf, checkWorkflows, type KnownWorkflow } from './check-workflows.js';

const idOf = (letter: string) => `018f3b5e-0000-7000-8000-00000000000${letter}`;
const [a, b, c] = [idOf('a'), idOf('b'), idOf('c')];
const known = (id: string, name: string, more: Partial<KnownWorkflow> = {}): KnownWorkflow => ({
  id,
  name,
  status: 'published',
  newest: 1,
  versions: [{ version: 1, startsByHand: true, calls: [] }],
  ...more,
});
const calling = (id: string, ...to: string[]) =>
  known(id, { [a]: 'Sell', [b]: 'Bill', [c]: 'Pay' }[id] ?? id, {
    versions: [{ version: 1, startsByHand: true, calls: to.map((workflowId) => ({ workflowId })) }],
  });

const found = (config: JsonObject, workflows: readonly KnownWorkflow[], settings: JsonObject = {}) => {
  const nodes = [
    { id: 'start', type: 'trigger.manual', config: {} },
    { id: 'call', type: 'flow.subworkflow', config },
  ];
  return checkWorkflows({ id: a, name: 'Sell', graph: { nodes, edges: [] }, settings }, workflows);
};

it('takes one that is published and starts by hand, in whatever case its id is written', () => {
  expect(found({ workflowId: b.toUpperCase() }, [known(b, 'Bill')])).toEqual([]);
  expect(found({ workflowId: b, version: 1 }, [known(b, 'Bill', { newest: 4 })])).toEqual([]);
});

it.each<[string, JsonObject, Partial<KnownWorkflow> | undefined, string, string, string]>([
  ['is not there', { workflowId: b }, undefined, 'workflowId', 'unknown_workflow', `There is no workflow ${b}: name one of this tenant`],
  [
    'is a draft',
    { workflowId: b },
    { status: 'draft', newest: 0, versions: [] },
    'workflowId',
    'workflow_not_published',
    '"Bill" has no published version: publish it first',
  ],
  [
    'is archived',
    { workflowId: b },
    { status: 'archived' },
    'workflowId',
    'workflow_not_published',
    '"Bill" is archived: call another one',
  ],
  [
    'has no such version',
    { workflowId: b, version: 7 },
    {},
    'version',
    'unknown_workflow_version',
    '"Bill" has no version 7: its newest is 1',
  ],
  [
    'begins with events alone',
    { workflowId: b },
    { versions: [{ version: 1, startsByHand: false, calls: [] }] },
    'workflowId',
    'workflow_not_callable',
    'Version 1 of "Bill" has no node of type trigger.manual, where a call would begin: give it one and publish it',
  ],
])('refuses one that %s', (_, config, more, field, code, message) => {
  const findings = found(config, more === undefined ? [] : [known(b, 'Bill', more)]);
  expect(findings).toEqual([{ path: `nodes[1].config.${field}`, code, message }]);
});

describe('calls that lead back', () => {
  it('are refused at once', () => {
    expect(found({ workflowId: a }, [])).toEqual([
      {
        path: 'nodes[1].config.workflowId',
        code: 'recursive_subworkflow',
        message: 'The calls lead back to this workflow: "Sell" → "Sell". Remove one of them',
      },
    ]);
  });

  it('are refused through others, and the way is named', () => {
    expect(found({ workflowId: b }, [calling(b, c), calling(c, a)])).toMatchObject([
      {
        code: 'recursive_subworkflow',
        message: 'The calls lead back to this workflow: "Sell" → "Bill" → "Pay" → "Sell". Remove one of them',
      },
    ]);
  });

  it('are those of the version that is called', () => {
    const versions = [
      { version: 1, startsByHand: true, calls: [] },
      { version: 2, startsByHand: true, calls: [{ workflowId: a }] },
    ];
    const bill = known(b, 'Bill', { newest: 2, versions });
    expect(found({ workflowId: b, version: 1 }, [bill])).toEqual([]);
    expect(found({ workflowId: b }, [bill])).toMatchObject([{ code: 'recursive_subworkflow' }]);
  });

  it('of others among themselves end', () => expect(found({ workflowId: b }, [calling(b, c), calling(c, b)])).toEqual([]));
});

describe('the error workflow', () => {
  const settings = (errorWorkflow: string) => ({ errorWorkflow });

  it('must be one that can be started', () => {
    expect(found({}, [known(b, 'Alarm')], settings(b))).toEqual([]);
    expect(found({}, [], settings(b))).toMatchObject([{ path: 'settings.errorWorkflow', code: 'unknown_workflow' }]);
    expect(found({}, [known(b, 'Alarm', { status: 'draft', versions: [] })], settings(b))).toMatchObject([
      { code: 'workflow_not_published' },
    ]);
  });

  it('is another one', () => {
    expect(found({}, [], settings(a))).toEqual([
      {
        path: 'settings.errorWorkflow',
        code: 'invalid_settings',
        message: 'A workflow cannot be its own error workflow: choose another one',
      },
    ]);
  });

  it('may call back: it runs after', () => expect(found({}, [calling(b, a)], settings(b))).toEqual([]));
});

it.each<Json>([null, [], 'x', {}, { workflowId: 'x' }, { workflowId: 7 }])('no call is made of %j', (config) =>
  expect(callsOf(config)).toEqual([]),
);

it('a version that is none is left to the schema', () => {
  for (const version of [0, 1.5, '1', 2 ** 31]) expect(callsOf({ workflowId: b, version })).toEqual([{ workflowId: b }]);
});
