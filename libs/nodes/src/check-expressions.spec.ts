import type { GraphNode } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import { catalogue } from './catalogue.js';
import { checkGraph } from './check-graph.js';

const start: GraphNode = { id: 'start', type: 'trigger.manual', config: {} };
const set = (id: string, values: JsonObject = {}): GraphNode => ({ id, type: 'data.set', config: { values } });
const transform = (expression: string, env?: readonly string[]) =>
  checkGraph(
    {
      nodes: [start, { id: 'it', type: 'data.transform', config: { expression } }],
      edges: [{ source: 'start', target: 'it' }],
    },
    { env },
  );
const messages = (...of: Parameters<typeof transform>) => transform(...of).map(({ message }) => message);
const there = 'There are trigger, input, nodes, execution, workflow, customer, env, approvals.';

describe('what an expression can read', () => {
  it.each([
    'trigger.text & input.a & nodes.start.output & execution.id & workflow.id & customer.id & env.shop & approvals',
    'input.items[price > 10].name',
    'input.items{ kind: $sum(total) }',
    '$map(input.items, function($one) { $one.price * 2 })',
    '( $rate := env.rate; input.items.(price * $rate) )',
    'input.items^(>price)[0]',
    '$$.trigger.text',
    'trigger ~> |payload|{ "text": name }|',
    '$count(input.*)',
    '[1..3]',
  ])('%s', (expression) => expect(transform(expression)).toEqual([]));

  it.each<[string, string[]]>([
    ['triger.text', [`"triger" is nothing that can be read here. ${there} Did you mean "trigger"?`]],
    ['body.text', [`"body" is nothing that can be read here. ${there}`]],
    ['start.output', [`"start" is nothing that can be read here. ${there} Did you mean "nodes.start.output"?`]],
    ['inptu.a & inptu.b', [`"inptu" is nothing that can be read here. ${there} Did you mean "input"?`]],
    ['$$.json.a', [`"json" is nothing that can be read here. ${there}`]],
    ['event.text', ['"event" is known only in conditions of flow.waitForEvent: the event that began the run is "trigger"']],
    ['item', ['"item" is known only inside of a loop: this node is not behind the handle "item" of one']],
  ])('and what it cannot: %s', (expression, expected) => expect(messages(expression)).toEqual(expected));

  it('is told for each text by its path', () => {
    const nodes = [start, set('it', { a: ['{{ foo }}', '{{ input }}'], b: 'x {{ bar.baz }} {{ qux }}' })];
    expect(checkGraph({ nodes, edges: [{ source: 'start', target: 'it' }] }).map(({ path, code }) => `${path}: ${code}`)).toEqual([
      'nodes[1].config.values.a[0]: unknown_reference',
      'nodes[1].config.values.b: unknown_reference',
      'nodes[1].config.values.b: unknown_reference',
    ]);
  });

  it.each<[string, JsonObject]>([
    ['http.request', { url: 'https://x.test', nextPage: 'item.body.next & index' }],
    ['http.request', { url: 'https://x.test', nextPage: 'item.links.next', pageItems: 'item.body.rows & index' }],
    ['flow.waitForEvent', { condition: 'event.text = index' }],
    ['flow.waitForEvent', { condition: 'event.text = item' }],
  ])('is no `item` or `index` that nobody gives: %s %j', (type, config) => {
    const edges = [{ source: 'start', target: 'it' }];
    expect(checkGraph({ nodes: [start, { id: 'it', type, config }], edges })).toMatchObject([
      { code: 'unknown_reference', message: expect.stringMatching(/^"(item|index)" is known only inside of a loop/) },
    ]);
    const loop: GraphNode = { id: 'loop', type: 'logic.forEach', config: {} };
    const within = [
      { source: 'start', target: 'loop' },
      { source: 'loop', sourceHandle: 'item', target: 'it' },
    ];
    expect(checkGraph({ nodes: [start, loop, { id: 'it', type, config }], edges: within })).toEqual([]);
  });

  it('is more where the node evaluates it itself', () => {
    const deferred = [...catalogue.values()].filter(({ configSchema }) => JSON.stringify(configSchema).includes('"deferred":true'));
    for (const type of deferred) {
      for (const example of [type.configSchema['examples']].flat()) {
        const node: GraphNode = { id: 'it', type: type.type, config: JSON.parse(JSON.stringify(example)) };
        expect(checkGraph({ nodes: [start, node], edges: [{ source: 'start', target: 'it' }] })).toEqual([]);
      }
    }
  });
});

describe('outputs of other nodes', () => {
  const reading = (of: string) => set('reader', { a: `{{ nodes.${of} }}` });
  const codes = (nodes: GraphNode[], ...edges: [string, string][]) =>
    checkGraph({ nodes: [start, ...nodes], edges: edges.map(([source, target]) => ({ source, target })) }).map(({ code }) => code);

  it('are those of nodes that lead here, however far back', () => {
    expect(codes([set('a'), set('b'), reading('a.output')], ['start', 'a'], ['a', 'b'], ['b', 'reader'])).toEqual([]);
    expect(codes([set('a'), reading('start.output')], ['start', 'a'], ['a', 'reader'])).toEqual([]);
  });

  it('are not those of nodes that come later, or lie on another way', () => {
    expect(codes([reading('b.output'), set('b')], ['start', 'reader'], ['reader', 'b'])).toEqual(['node_not_before']);
    expect(codes([set('a'), reading('a.output')], ['start', 'a'], ['start', 'reader'])).toEqual(['node_not_before']);
  });

  it('are not its own', () => {
    expect(messages('nodes.it.output')).toEqual(['"it" cannot read its own output: it has none before it ends']);
  });

  it('say nothing about order where ways lead in circles: the cycle is the finding', () => {
    expect(codes([reading('b.output'), set('b')], ['start', 'reader'], ['reader', 'b'], ['b', 'reader'])).toEqual(['cycle']);
  });

  it('are all that can be read of a node', () => {
    expect(messages('nodes.start.body.id')).toEqual([
      'Of a node only its output can be read, not "body": write "nodes.start.output.body.id"',
    ]);
  });

  it('are found by the name that was meant', () => {
    expect(messages('nodes.strat.output')).toEqual([
      '"nodes.strat" refers to no node: "strat" is not an id in this workflow. Did you mean "start"?',
    ]);
  });
});

describe('variables of the tenant', () => {
  it('are worth a warning while they are not set', () => {
    expect(transform('env.shpo & env.shop', ['shop', 'rate'])).toEqual([
      {
        path: 'nodes[1].config.expression',
        code: 'unknown_variable',
        message: 'The tenant has no variable "shpo": until it is set, "env.shpo" is nothing. Did you mean "shop"?',
        severity: 'warning',
      },
    ]);
  });

  it('are not talked about when they are not known', () => expect(transform('env.shop')).toEqual([]));
});
