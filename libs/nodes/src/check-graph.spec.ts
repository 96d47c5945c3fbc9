import type { Graph, GraphEdge, GraphNode } from '@sluice/engine';
import type { JsonObject } from '@sluice/kernel';
import { catalogue } from './catalogue.js';
import { checkGraph } from './check-graph.js';

const node = (id: string, type: string, config: JsonObject = {}, policy?: GraphNode['policy']): GraphNode => ({ id, type, config, policy });
const set = (id: string) => node(id, 'data.set', { values: {} });
const start = node('start', 'trigger.manual');
const edge = (source: string, target: string, sourceHandle?: string): GraphEdge => ({ source, target, sourceHandle });

/** Findings as `path: code` */
const codes = (graph: Graph) => checkGraph(graph).map(({ path, code }) => `${path}: ${code}`);
/** Findings about one node behind a trigger */
const about = (type: string, config: JsonObject, policy?: GraphNode['policy']) =>
  checkGraph({ nodes: [start, node('it', type, config, policy)], edges: [edge('start', 'it')] });
const messages = (...of: Parameters<typeof about>) =>
  about(...of).map(({ path, message }) => `${path.replace('nodes[1].', '')} – ${message}`);

describe('checkGraph', () => {
  it('finds nothing wrong with a workflow that can be published', () => {
    const graph: Graph = {
      nodes: [
        node('hook', 'trigger.webhook'),
        start,
        node('is-price', 'logic.if', { condition: "$contains(trigger.text, 'price')" }),
        node(
          'ask',
          'http.request',
          { method: 'POST', url: 'https://{{ env.host }}/prices', body: { text: '{{ trigger.text }}' } },
          { retry: { maxAttempts: 5 } },
        ),
        node('sort', 'logic.switch', {
          value: 'input.body.kind',
          cases: [
            { name: 'a', equals: 1 },
            { name: 'b', when: '{{ input.body.total > 3 }}' },
          ],
        }),
        node('merge', 'logic.merge', { mode: 'kOf', count: 2 }),
        node('answer', 'instagram.sendMessage', { to: '{{ trigger.customerId }}', text: 'It is {{ nodes.ask.output.body.price }}' }),
        node('sorry', 'instagram.sendMessage', { to: '{{ trigger.customerId }}', text: 'Later!' }),
      ],
      edges: [
        edge('hook', 'is-price'),
        edge('start', 'is-price'),
        edge('is-price', 'ask', 'true'),
        edge('ask', 'sort'),
        edge('ask', 'sorry', 'error'),
        edge('ask', 'merge'),
        edge('sort', 'merge', 'a'),
        edge('sort', 'merge', 'default'),
        edge('merge', 'answer'),
      ],
    };
    expect(checkGraph(graph)).toEqual([]);
  });

  it('says everything at once', () => {
    const graph: Graph = {
      nodes: [start, node('a', 'http.request', { url: 'nowhere', methd: 'GET' }), node('b', 'logic.iff'), set('lonely')],
      edges: [edge('start', 'a', 'yes'), edge('a', 'b'), edge('b', 'gone'), edge('b', 'a')],
    };
    expect(codes(graph).sort()).toEqual([
      'edges[0].sourceHandle: unknown_handle',
      'edges[2].target: dangling_edge',
      'edges[3]: cycle',
      'nodes[1].config.methd: invalid_config',
      'nodes[1].config.url: invalid_config',
      'nodes[2].type: unknown_node_type',
      'nodes[3]: unreachable_node',
    ]);
  });
});

describe('ids', () => {
  it.each(['', 'a b', 'x'.repeat(65), 'ü', 'a.b', '../x', '__proto__'])('refuses "%s"', (id) => {
    expect(codes({ nodes: [start, set(id)], edges: [edge('start', id)] })).toEqual(['nodes[1].id: invalid_node_id']);
  });

  it('wants them distinct', () => {
    expect(codes({ nodes: [start, set('a'), set('a')], edges: [edge('start', 'a')] })).toEqual(['nodes[2].id: duplicate_node_id']);
  });
});

describe('edges', () => {
  const nodes = [start, set('a'), set('b'), node('if', 'logic.if', { condition: 'input' }), node('stop', 'logic.stop')];
  const chain = [edge('start', 'a'), edge('a', 'b'), edge('b', 'if'), edge('if', 'stop', 'true')];

  it.each<[string, GraphEdge, string]>([
    ['to nowhere', edge('a', 'gone'), 'edges[4].target: dangling_edge'],
    ['from nowhere', edge('gone', 'a'), 'edges[4].source: dangling_edge'],
    ['to its own node', edge('a', 'a'), 'edges[4]: self_edge'],
    ['drawn twice', edge('a', 'b', 'out'), 'edges[4]: duplicate_edge'],
    ['from a handle that is not there', edge('if', 'stop'), 'edges[4].sourceHandle: unknown_handle'],
    ['behind the end', edge('stop', 'b'), 'edges[4].sourceHandle: unknown_handle'],
    ['from the error of a trigger', edge('start', 'b', 'error'), 'edges[4].sourceHandle: unknown_handle'],
    ['into a trigger', edge('a', 'start', 'error'), 'edges[4].target: edge_into_trigger'],
  ])('refuses one %s', (_what, one, finding) => {
    expect(codes({ nodes, edges: [...chain, one] })).toContain(finding);
  });

  it('allows the handles that every node has', () => {
    const call = node('call', 'http.request', { method: 'POST', url: 'https://x.test' });
    const edges = [...chain, edge('a', 'call'), edge('call', 'if', 'error'), edge('call', 'stop', 'in_doubt')];
    expect(codes({ nodes: [...nodes, call], edges })).toEqual([]);
  });

  it('names the handles there are', () => {
    const [finding] = checkGraph({ nodes, edges: [...chain, edge('if', 'b', 'maybe')] });
    expect(finding?.message).toBe('"if" has no handle "maybe". It can be left by "true", "false", "error", "in_doubt"');
  });
});

describe('ways through the graph', () => {
  it('needs something that starts it', () => {
    expect(checkGraph({ nodes: [set('a')], edges: [] })).toEqual([
      {
        path: 'nodes',
        code: 'no_trigger',
        message: 'Nothing starts this workflow: add a node of type trigger.webhook or trigger.manual or trigger.schedule',
      },
    ]);
    expect(codes({ nodes: [], edges: [] })).toEqual(['nodes: no_trigger']);
  });

  it('names the nodes on a cycle', () => {
    const edges = [edge('start', 'a'), edge('a', 'b'), edge('b', 'c'), edge('c', 'a')];
    const findings = checkGraph({ nodes: [start, set('a'), set('b'), set('c')], edges });
    expect(findings).toEqual([{ path: 'edges[3]', code: 'cycle', message: 'The way a → b → c → a is a cycle: remove one of its edges' }]);
  });

  it('finds each of several cycles', () => {
    const edges = [edge('start', 'a'), edge('a', 'b'), edge('b', 'a'), edge('b', 'c'), edge('c', 'd'), edge('d', 'c')];
    expect(codes({ nodes: [start, set('a'), set('b'), set('c'), set('d')], edges })).toEqual(['edges[2]: cycle', 'edges[5]: cycle']);
  });

  it('takes a diamond for what it is', () => {
    const edges = [edge('start', 'a'), edge('start', 'b'), edge('a', 'c'), edge('b', 'c')];
    expect(codes({ nodes: [start, set('a'), set('b'), set('c')], edges })).toEqual([]);
  });

  it('finds every node that no trigger leads to', () => {
    expect(codes({ nodes: [start, set('a'), set('b')], edges: [edge('a', 'b')] })).toEqual([
      'nodes[1]: unreachable_node',
      'nodes[2]: unreachable_node',
    ]);
  });

  it('finds a join that can never get what it waits for', () => {
    const nodes = [start, set('a'), set('b'), node('join', 'logic.merge', { mode: 'kOf', count: 3 })];
    const edges = [edge('start', 'a'), edge('start', 'b'), edge('a', 'join'), edge('b', 'join')];
    expect(codes({ nodes, edges })).toEqual(['nodes[3].config.count: join_impossible']);
    expect(codes({ nodes, edges: [...edges, edge('start', 'join')] })).toEqual([]);
  });
});

describe('configs', () => {
  it.each([...catalogue.values()].map((type) => [type.type, type] as const))('takes the examples of %s', (_name, type) => {
    const examples = type.configSchema['examples'];
    expect(Array.isArray(examples) && examples.length > 0).toBe(true);
    for (const example of Array.isArray(examples) ? examples : []) {
      const it = node('it', type.type, example);
      const nodes = type.kind === 'trigger' ? [it] : [start, it, set('a'), set('b')];
      const edges = type.kind === 'trigger' ? [] : [edge('start', 'a'), edge('start', 'b'), edge('a', 'it'), edge('b', 'it')];
      const body = type.loop ? { nodes: [set('body')], edges: [edge('it', 'body', 'item')] } : { nodes: [], edges: [] };
      expect(checkGraph({ nodes: [...nodes, ...body.nodes], edges: [...edges, ...body.edges] })).toEqual([]);
    }
  });

  it.each([...catalogue.values()].map((type) => [type.type, type] as const))(
    'can make a form of %s',
    (_name, { title, description, configSchema }) => {
      expect(title).not.toBe('');
      expect(description).toMatch(/\.$/);
      expect(configSchema).toMatchObject({ type: 'object', additionalProperties: false, title: expect.any(String) });
      for (const field of Object.values(Object(configSchema['properties']))) expect(field).toHaveProperty('title');
    },
  );

  it('says what to do', () => {
    expect(
      messages('http.request', { method: 'FETCH', url: 'ftp://x', query: { a: {} }, headers: { 'a b': 'x', ok: 'a\nb' }, credential: 'c' }),
    ).toEqual([
      'config.method – `method` must be one of "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"',
      'config.url – `url` must be a URL with http:// or https://, without a user name',
      'config.headers["a b"] – `headers["a b"]` is not a valid name',
      'config.headers.ok – `headers.ok` has characters that are not allowed here',
      'config.query.a – `query.a` must be a text, a number, true or false, null, or a list',
      'config.credential – `credential` must be an id, as the API gives it: a UUID',
    ]);
    expect(messages('logic.switch', { cases: [{ name: 'x' }, { name: '', equals: 1 }, 'y'], casse: [] })).toEqual([
      'config.casse – `casse` is not known here: remove it or check its spelling. Did you mean `cases`?',
      'config.cases[0] – `cases[0]` needs exactly one of `equals` and `when`',
      'config.cases[1].name – `cases[1].name` must have at least 1 character(s)',
      'config.cases[2] – `cases[2]` must be an object',
    ]);
    expect(messages('flow.delay', {})).toEqual(['config – The config needs exactly one of `ms` and `until`']);
    expect(messages('flow.delay', { until: 'tomorrow' })).toEqual([
      'config.until – `until` must be a time in ISO 8601 with a time zone, such as 2026-12-24T18:00:00Z',
    ]);
    expect(messages('logic.merge', { mode: 'kOf' })).toEqual(['config.count – `count` is missing: give it a value']);
    expect(messages('instagram.sendMessage', { to: 'x' })).toEqual(['config – The config needs at least one of `text` and `attachment`']);
    expect(messages('instagram.sendMessage', { to: 'x', text: '👋'.repeat(2_501) })).toEqual([
      'config.text – `text` has more than 10000 bytes in UTF-8: shorten it',
    ]);
  });

  it('N-09 says what is wrong with a schedule', () => {
    const schedule = (config: JsonObject) =>
      checkGraph({ nodes: [node('it', 'trigger.schedule', config)], edges: [] }).map(({ path, code, message }) => [path, code, message]);
    const fields = 'write minute, hour, day of month, month and day of week, such as "0 9 * * 1-5", or six fields with seconds in front';
    const cron = (problem: string) => [['nodes[0].config.cron', 'invalid_config', `\`cron\` ${problem}`]];
    expect(schedule({ cron: '0 9 * * 1-5', timeZone: 'Europe/Berlin', catchUp: 'all', catchUpMax: 7 })).toEqual([]);
    expect(schedule({ cron: '0 9 * *' })).toEqual(cron(`is not a cron expression (it has 4 of 5 or 6 fields): ${fields}`));
    expect(schedule({ cron: '0 9 * 13 *' })).toEqual(cron(`is not a cron expression (its month is out of range): ${fields}`));
    expect(schedule({ cron: '0 0 30 2 *' })).toEqual(cron('names a day that never comes: correct its day of month and month'));
    expect(schedule({ cron: '{{ env.cron }}' })).toEqual(cron('must be written out: a template is not allowed here'));
    for (const timeZone of ['Mars/Olympus', '+02:00', '', 'Berlin']) {
      const message = '`timeZone` is not a time zone that is known here: write an IANA name, such as "Europe/Berlin" or "UTC"';
      expect(schedule({ cron: '@daily', timeZone })).toEqual([['nodes[0].config.timeZone', 'invalid_config', message]]);
    }
    expect(schedule({ cron: '@daily', catchUp: 'some', catchUpMax: 0 }).map(([path]) => path)).toEqual([
      'nodes[0].config.catchUp',
      'nodes[0].config.catchUpMax',
    ]);
  });

  it('takes a whole template wherever a value of another type is meant', () => {
    expect(messages('flow.delay', { ms: '{{ input.pause * 1000 }}' })).toEqual([]);
    expect(messages('data.set', { values: {}, keepInput: '{{ env.keep }}' })).toEqual([]);
    expect(messages('http.request', { url: '{{ env.url }}', method: '{{ input.method }}', headers: '{{ env.headers }}' })).toEqual([]);
    expect(messages('http.request', { url: 'https://x.test/{{ input.id }}' })).toEqual([]);
    expect(messages('flow.delay', { until: '{{ input.day }}T09:00:00Z' })).toEqual([]);
  });

  it('does not take mixed text for a number, nor a template for what the graph depends on', () => {
    expect(messages('flow.delay', { ms: '{{ input.a }}{{ input.b }}' })).toEqual(['config.ms – `ms` must be a whole number']);
    expect(messages('flow.delay', { ms: '1000' })).toEqual(['config.ms – `ms` must be a whole number']);
    expect(messages('logic.merge', { mode: '{{ env.mode }}' })).toEqual([
      'config.mode – `mode` must be written out: a template is not allowed here',
    ]);
    expect(messages('logic.switch', { value: 'input', cases: [{ name: '{{ env.name }}', equals: 1 }] })).toEqual([
      'config.cases[0].name – `cases[0].name` must be written out: a template is not allowed here',
    ]);
    expect(messages('http.request', { url: 'https://x.test', credential: '{{ env.credential }}' })).toEqual([
      'config.credential – `credential` must be written out: a template is not allowed here',
    ]);
  });

  it.each(['Host', 'Connection', 'content-length', 'TE', 'Expect', 'Upgrade', 'Transfer-Encoding', 'Proxy-Authorization'])(
    'does not let http.request set %s: the URL and the connection do',
    (name) => {
      for (const value of ['x', '{{ env.a }}']) {
        const path = /^\w+$/.test(name) ? `headers.${name}` : `headers["${name}"]`;
        expect(messages('http.request', { url: 'https://x.test', headers: { [name]: value } })).toEqual([
          `config.${path} – \`${path}\` cannot be set: it follows from the URL and the connection`,
        ]);
      }
    },
  );

  it('takes only header values that a header can carry', () => {
    for (const type of ['http.request', 'flow.respond']) {
      const config = (headers: JsonObject): JsonObject => (type === 'http.request' ? { url: 'https://x.test', headers } : { headers });
      expect(messages(type, config({ 'X-A': 'ű' }))).toEqual([
        'config.headers["X-A"] – `headers["X-A"]` has characters that are not allowed here',
      ]);
      expect(messages(type, config({ 'X-A': 'é\t', 'X-B': '{{ input.a }}' }))).toEqual([]);
    }
    expect(messages('http.request', { url: 'https://x.test', body: 'x', contentType: 'text/ű' })).toHaveLength(1);
  });

  it.each<[JsonObject, string]>([
    [{ headers: { 'Set-Cookie': 'a=b' } }, 'headers["Set-Cookie"]` cannot be set'],
    [{ headers: { 'Set-Cookie': '{{ input.a }}' } }, 'headers["Set-Cookie"]` cannot be set'],
    [{ headers: { 'X-Accel-Redirect': '/a' } }, 'headers["X-Accel-Redirect"]` cannot be set'],
    [{ headers: { 'Content-Type': 'text/html' } }, 'headers["Content-Type"]` must be JSON'],
    [{ headers: { Location: 'https://x.test/' } }, 'headers.Location` needs a status of 301'],
    [{ status: 302, headers: { Location: '/here' } }, 'headers.Location` must be a URL'],
    [{ status: 204, body: 'x' }, 'body` must be left out with the status 204'],
    [{ status: 304, body: { a: '{{ input.a }}' } }, 'body` must be left out with the status 304'],
  ])('does not let flow.respond answer what it never may: %j', (config, problem) => {
    expect(messages('flow.respond', config)).toEqual([expect.stringContaining(problem)]);
  });

  it.each<[JsonObject]>([
    [{ headers: { 'Content-Type': '{{ input.type }}', 'X-Order': 7, ETag: '"a"' }, body: 'x' }],
    [{ status: '{{ input.status }}', headers: { Location: 'https://x.test/' }, body: 'x' }],
    [{ status: 302, headers: { Location: '{{ input.url }}' } }],
    [{ status: 204, body: '{{ input.a }}' }],
  ])('lets flow.respond answer what it may, perhaps: %j', (config) => expect(messages('flow.respond', config)).toEqual([]));

  it('does not take for deleting what deletes nothing', () => {
    const place = { scope: 'workflow', key: 'a' };
    expect(messages('state.set', { ...place, delete: false })).toEqual(['config.delete – `delete` must be one of true']);
    expect(messages('state.set', { ...place, delete: '{{ input.a }}' })).toEqual([]);
  });

  it('gives each case a name of its own', () => {
    const named = (...names: string[]) =>
      messages('logic.switch', { value: 'input', cases: names.map((name) => ({ name, equals: name })) });
    expect(named('a', 'b')).toEqual([]);
    expect(named('a', 'a')[0]).toBe('config – A case of "it" cannot be called "a": the name is taken');
    for (const name of ['default', 'error', 'in_doubt']) expect(named(name)).toHaveLength(1);
  });

  it('survives what is no config at all', () => {
    const broken = JSON.parse('{"id":"it","type":"logic.switch","config":[]}');
    expect(codes({ nodes: [start, broken], edges: [edge('start', 'it')] })).toEqual(['nodes[1].config: invalid_config']);
    const deep = JSON.parse(`{"values":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`);
    expect(messages('data.set', deep)).toEqual(['config – The config is nested more than 64 levels deep: flatten it']);
  });
});

describe('expressions', () => {
  it.each<[string, JsonObject, string]>([
    ['logic.if', { condition: 'trigger.text =' }, 'condition'],
    ['logic.if', { condition: '{{ a }} and {{ b }}' }, 'condition'],
    ['data.set', { values: { list: ['ok', 'Hello {{ name'] } }, 'values.list[1]'],
    ['logic.switch', { cases: [{ name: 'a', when: '1 +' }] }, 'cases[0].when'],
    ['http.request', { url: 'https://x.test', headers: { 'X-A': '{{ ( }}' } }, 'headers["X-A"]'],
  ])('of %s %j must parse', (type, config, path) => {
    expect(about(type, config)).toMatchObject([
      { path: `nodes[1].config.${path}`, code: 'invalid_expression', message: expect.any(String) },
    ]);
  });

  it('may be written with and without braces', () => {
    expect(about('logic.if', { condition: 'input.a = 1' })).toEqual([]);
    expect(about('logic.if', { condition: '{{ input.a = 1 }}' })).toEqual([]);
  });

  it('refer to nodes that exist', () => {
    expect(messages('data.transform', { expression: 'nodes.start.output & nodes.gone.output' })).toEqual([
      'config.expression – "nodes.gone" refers to no node: "gone" is not an id in this workflow',
    ]);
    expect(messages('data.set', { values: { a: 'x {{ nodes.`not-there`.output.b }}', b: '{{ nodes.start.output }}' } })).toHaveLength(1);
  });
});

describe('policies', () => {
  it('refuses `verify` where nothing can be asked', () => {
    const config = { method: 'POST', url: 'https://example.com/' };
    expect(about('http.request', config, { effect: 'verify' }).map(({ path, code }) => `${path}: ${code}`)).toEqual([
      'nodes[1].policy.effect: effect_unverifiable',
    ]);
    expect(about('whatsapp.sendMessage', { to: '491', text: 'Hi' }, { effect: 'verify' })).toEqual([]);
  });

  it('stay within their ranges', () => {
    const policy = JSON.parse(
      '{"timeoutMs":0,"retry":{"maxAttempts":100,"backoff":"linear","delayMs":"5"},"onError":"ignore","efect":"x"}',
    );
    expect(about('data.set', { values: {} }, policy).map(({ path, code }) => `${path}: ${code}`)).toEqual([
      'nodes[1].policy.efect: invalid_policy',
      'nodes[1].policy.timeoutMs: invalid_policy',
      'nodes[1].policy.retry.maxAttempts: invalid_policy',
      'nodes[1].policy.retry.backoff: invalid_policy',
      'nodes[1].policy.retry.delayMs: invalid_policy',
      'nodes[1].policy.onError: invalid_policy',
    ]);
  });

  it('do not contradict themselves', () => {
    expect(about('data.set', { values: {} }, { retry: { delayMs: 2_000, maxDelayMs: 1_000 } })).toMatchObject([
      { path: 'nodes[1].policy.retry.maxDelayMs' },
    ]);
    expect(about('data.set', { values: {} }, { onError: 'branch' })).toMatchObject([{ code: 'error_branch_missing' }]);
  });

  it.each<[string, JsonObject]>([
    ['logic.if', { condition: 'input.a' }],
    ['logic.switch', { value: 'input', cases: [{ name: 'a', equals: 1 }] }],
    ['flow.approval', { title: 'May it go out?' }],
    ['logic.stop', { status: 'completed' }],
  ])('do not let a node go on by a handle that it does not have: %s', (type, config) => {
    expect(about(type, config, { onError: 'continue' })).toMatchObject([{ path: 'nodes[1].policy.onError', code: 'invalid_policy' }]);
    expect(about(type, config, { onError: 'fail' })).toEqual([]);
  });

  it('say what to do instead of going on by a handle that is not there', () => {
    expect(messages('logic.if', { condition: 'input.a' }, { onError: 'continue' })).toEqual([
      'policy.onError – `continue` goes on by "out", and "it" has no such handle, so the run would end there: ' +
        'choose `fail`, or connect "error" and choose `branch`',
    ]);
  });

  it.each<[string, JsonObject]>([
    ['data.set', { values: {} }],
    ['flow.waitForEvent', {}],
    ['state.set', { scope: 'workflow', key: 'a', value: 1, ifVersion: 1 }],
  ])('let a node go on by `out`: %s', (type, config) => expect(about(type, config, { onError: 'continue' })).toEqual([]));

  it('let a loop go on by `done`', () => {
    const loop = node('it', 'logic.forEach', { items: 'input' }, { onError: 'continue' });
    expect(codes({ nodes: [start, loop, set('each')], edges: [edge('start', 'it'), edge('it', 'each', 'item')] })).toEqual([]);
  });
});

describe('size', () => {
  const row = (length: number): Graph => {
    const nodes = [start, ...Array.from({ length }, (_, index) => set(`n${index}`))];
    return { nodes, edges: nodes.slice(1).map((one, index) => edge(nodes[index]?.id ?? '', one.id)) };
  };

  it('is limited', () => {
    expect(checkGraph(row(1_000))).toEqual([
      { path: 'nodes', code: 'too_large', message: 'A workflow may have at most 1000 nodes and 10000 edges: split it into several' },
    ]);
    expect(checkGraph(row(5), { maxNodes: 3 })).toHaveLength(1);
  });

  it('B-10 is no reason to be slow: a chain of 10 000 nodes', () => {
    expect(timed(row(10_000), { maxNodes: 20_000 })).toEqual([]);
  });

  /** What is counted is the processor's time: a machine that is busy with other work makes nothing slow. */
  const timed = (...asked: Parameters<typeof checkGraph>) => {
    const before = process.cpuUsage();
    const findings = checkGraph(...asked);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000_000).toBeLessThan(2);
    return findings;
  };
  const ids = Array.from({ length: 998 }, (_, index) => `n${index}`);
  const reads = (id: string, of: string) => node(id, 'data.set', { values: { a: `{{ nodes.${of}.output & trigger.text }}` } });

  it('B-10 is no reason to be slow: each of 1 000 nodes in a row reads one before it', () => {
    const nodes = [start, ...ids.map((id, index) => reads(id, index === 0 ? 'start' : `n${Math.floor(index / 2)}`))];
    nodes[1] = reads('n0', 'start');
    const edges = nodes.slice(1).map((one, index) => edge(nodes[index]?.id ?? '', one.id));
    expect(timed({ nodes, edges }).filter(({ code }) => code !== 'node_not_before')).toEqual([]);
  });

  it('B-10 is no reason to be slow: 1 000 nodes abreast that all meet in one', () => {
    const join = node('join', 'logic.merge', { mode: 'kOf', count: 998 });
    const edges = ids.flatMap((id) => [edge('start', id), edge(id, 'join')]);
    expect(timed({ nodes: [start, ...ids.map(set), join], edges })).toEqual([]);
  });

  it('B-10 is no reason to be slow: rows of 10, each node leading to all of the next row, 10 000 edges', () => {
    const edges = ids.flatMap((_, index) =>
      index < 10
        ? [edge('start', `n${index}`)]
        : Array.from({ length: 10 }, (_, n) => edge(`n${Math.floor(index / 10) * 10 - 10 + n}`, `n${index}`)),
    );
    const nodes = ids.map((id, index) =>
      index % 3 === 0 ? node(id, 'logic.merge', { mode: 'kOf', count: 1 }) : reads(id, index < 10 ? 'start' : `n${index % 10}`),
    );
    expect(timed({ nodes: [start, ...nodes], edges })).toEqual([]);
  });

  it('B-10 is no reason to be slow: 500 loops that share one body', () => {
    const [loops, body] = [ids.slice(0, 400), ids.slice(400)];
    const nodes = [start, ...loops.map((id) => node(id, 'logic.forEach')), ...body.map(set)];
    const edges = [
      ...loops.flatMap((id) => [edge('start', id), edge(id, 'n400', 'item')]),
      ...body
        .slice(1)
        .flatMap((id, index) =>
          [index, index - 1, index - 2, index - 3].filter((from) => from >= 0).map((from) => edge(`n${400 + from}`, id)),
        ),
    ];
    expect(new Set(timed({ nodes, edges }).map(({ code }) => code))).toEqual(new Set(['loop_entered']));
  });

  it('B-10 is no reason to be slow: loops within loops, 1 000 deep', () => {
    const nodes = [start, ...ids.map((id) => node(id, 'logic.forEach')), set('last')];
    const edges = nodes.slice(1).map((one, index) => edge(nodes[index]?.id ?? '', one.id, index === 0 ? undefined : 'item'));
    expect(new Set(timed({ nodes, edges }).map(({ code }) => code))).toEqual(new Set(['loop_too_deep']));
  });
});
