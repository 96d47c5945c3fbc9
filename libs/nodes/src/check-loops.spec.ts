import type { Graph, GraphEdge, GraphNode } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import { checkGraph } from './check-graph.js';

const node = (id: string, type = 'data.set', config: JsonObject = { values: {} }): GraphNode => ({ id, type, config });
const loop = (id: string, config: JsonObject = {}) => node(id, 'logic.forEach', config);
const start = node('start', 'trigger.manual', {});
/** `a -item-> b` and `a -> b` */
const edges = (text: string): GraphEdge[] =>
  text.split(',').map((one) => {
    const [, source = '', sourceHandle, target = ''] = /^\s*(\w+) -(?:(\w+)-)?> (\w+)\s*$/.exec(one) ?? [];
    return { source, target, ...(sourceHandle !== undefined && { sourceHandle }) };
  });
const graph = (nodes: readonly GraphNode[], drawn: string): Graph => ({ nodes: [start, ...nodes], edges: edges(drawn) });
const codes = (...of: Parameters<typeof graph>) => checkGraph(graph(...of)).map(({ path, code }) => `${path}: ${code}`);

const [a, b, c] = [node('a'), node('b'), node('c')];

describe('the body of a loop', () => {
  it('is what lies behind `item`, with branches and joins of its own', () => {
    const body = [loop('each'), node('if', 'logic.if', { condition: 'item.open' }), a, b, c];
    expect(codes(body, 'start -> each, each -item-> if, if -true-> a, if -false-> b, a -> c, b -> c')).toEqual([]);
  });

  it('ends before what comes after the loop', () => {
    expect(codes([loop('each'), a, b], 'start -> each, each -item-> a, each -done-> b')).toEqual([]);
    expect(codes([loop('each'), a, b], 'start -> each, each -item-> a, each -error-> b')).toEqual([]);
  });

  it('must not be empty', () => {
    expect(codes([loop('each'), a], 'start -> each, each -done-> a')).toEqual(['nodes[1]: loop_empty']);
  });

  it('is entered by `item` alone', () => {
    const findings = checkGraph(graph([loop('each'), a, b, c], 'start -> each, each -item-> a, a -> b, start -> c, c -> b'));
    expect(findings).toEqual([
      {
        path: 'edges[4]',
        code: 'loop_entered',
        message:
          '"b" runs for each item of "each", but "c" is outside of that loop: remove the edge. A body is entered by the handle "item" only; ' +
          '"nodes.c.output" can be read from inside',
      },
    ]);
  });

  it('holds no trigger', () => {
    const hook = node('hook', 'trigger.webhook', {});
    expect(codes([loop('each'), a, hook], 'start -> each, each -item-> a, hook -> a')).toEqual(['edges[2]: loop_entered']);
    expect(codes([loop('each'), a, hook], 'start -> each, each -item-> a, a -> hook')).toContain('edges[2].target: edge_into_trigger');
  });

  it('is not left but by its end', () => {
    const findings = checkGraph(graph([loop('each'), a, b, c], 'start -> each, each -item-> a, a -> b, each -done-> b, b -> c'));
    expect(findings).toEqual([
      {
        path: 'edges[2]',
        code: 'loop_left',
        message:
          '"a" runs for each item of "each", "b" once after it: remove the edge. A body ends where nothing follows, and its results leave ' +
          '"each" by "done"',
      },
    ]);
  });

  it('is not what comes after the loop as well', () => {
    expect(codes([loop('each'), a], 'start -> each, each -item-> a, each -done-> a')).toEqual(['edges[1]: loop_left']);
    expect(codes([loop('each'), a, b], 'start -> each, each -item-> a, a -error-> b, each -error-> b')).toEqual(['edges[2]: loop_left']);
  });

  it('needs no edge back to the loop', () => {
    const findings = checkGraph(graph([loop('each'), a, b], 'start -> each, each -item-> a, a -> each, each -done-> b'));
    expect(findings).toEqual([
      {
        path: 'edges[2]',
        code: 'cycle',
        message:
          'The way each → a → each is a cycle: remove its last edge. "each" goes on with the next item by itself, where nothing follows',
      },
    ]);
  });
});

describe('loops within loops', () => {
  it('may come one after the other, and one in the other', () => {
    const nodes = [loop('outer'), loop('inner'), loop('next'), a, b, c];
    expect(
      codes(nodes, 'start -> outer, outer -item-> inner, inner -item-> a, inner -done-> b, outer -done-> next, next -item-> c'),
    ).toEqual([]);
  });

  it('are told once where an edge leaves both', () => {
    const nodes = [loop('outer'), loop('inner'), a, b];
    expect(codes(nodes, 'start -> outer, outer -item-> inner, inner -item-> a, a -> b, outer -done-> b')).toEqual(['edges[3]: loop_left']);
  });

  it('are told of the one whose body is broken', () => {
    const nodes = [loop('outer'), loop('inner'), a, b];
    const [left] = checkGraph(graph(nodes, 'start -> outer, outer -item-> inner, inner -item-> a, a -> b, inner -done-> b'));
    expect(left).toMatchObject({ path: 'edges[3]', code: 'loop_left', message: expect.stringContaining('each item of "inner"') });
    const [entered] = checkGraph(graph(nodes, 'start -> outer, outer -item-> inner, inner -item-> a, outer -item-> b, b -> a'));
    expect(entered).toMatchObject({ path: 'edges[4]', code: 'loop_entered', message: expect.stringContaining('each item of "inner"') });
  });

  it('go five deep', () => {
    const nested = (depth: number) => {
      const loops = Array.from({ length: depth }, (_, index) => loop(`l${index}`));
      const way = loops.map(({ id }, index) => (index === 0 ? `start -> ${id}` : `l${index - 1} -item-> ${id}`));
      return codes([...loops, a], [...way, `l${depth - 1} -item-> a`].join());
    };
    expect(nested(5)).toEqual([]);
    expect(nested(6)).toEqual(['nodes[6]: loop_too_deep']);
  });
});

describe('`item` and `index`', () => {
  const reading = (id: string, what: string) => node(id, 'data.set', { values: { it: `{{ ${what} }}` } });

  it('are known in the body, at whatever depth', () => {
    const nodes = [loop('outer'), loop('inner', { items: 'item.lines' }), reading('a', 'item.id'), reading('b', 'index')];
    expect(codes(nodes, 'start -> outer, outer -item-> inner, inner -item-> a, inner -done-> b')).toEqual([]);
  });

  it.each(['item.id', 'index', '$$.item'])('are not known outside: %s', (what) => {
    const name = what.includes('index') ? 'index' : 'item';
    const findings = checkGraph(graph([loop('each'), a, reading('b', what)], 'start -> each, each -item-> a, each -done-> b'));
    expect(findings).toEqual([
      {
        path: 'nodes[3].config.values.it',
        code: 'unknown_reference',
        message: `"${name}" is known only inside of a loop: this node is not behind the handle "item" of one`,
      },
    ]);
  });

  it('are not known to the loop itself', () => {
    expect(codes([loop('each', { items: 'item' }), a], 'start -> each, each -item-> a')).toEqual([
      'nodes[1].config.items: unknown_reference',
    ]);
  });
});

describe('outputs of a loop', () => {
  const reading = (id: string, of: string) => node(id, 'data.set', { values: { it: `{{ nodes.${of}.output }}` } });

  it('are read after it, and those before it from inside', () => {
    const nodes = [a, loop('each'), reading('b', 'a'), reading('c', 'each')];
    expect(codes(nodes, 'start -> a, a -> each, each -item-> b, each -done-> c')).toEqual([]);
  });

  it('are not there while it runs, nor are those of its body after it', () => {
    expect(codes([loop('each'), reading('b', 'each')], 'start -> each, each -item-> b')).toEqual([
      'nodes[2].config.values.it: node_not_before',
    ]);
    expect(codes([loop('each'), b, reading('c', 'b')], 'start -> each, each -item-> b, each -done-> c')).toEqual([
      'nodes[3].config.values.it: node_not_before',
    ]);
  });
});
