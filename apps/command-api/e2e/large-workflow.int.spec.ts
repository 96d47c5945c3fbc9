import { type CommandApi, commandApi } from './command-api.js';

let api: CommandApi;
beforeAll(async () => {
  api = await commandApi();
});
afterAll(() => api.close());

/** Rows of 10 nodes; each node leads to every second one of the next row. */
function drawing(count: number, text: string) {
  const at = (index: number) => (index === 0 ? 'start' : `n${index}`);
  const work = (index: number) =>
    index % 2 === 0
      ? {
          id: at(index),
          type: 'data.set',
          config: { values: { [`v${index}`]: `{{ trigger.text & "${text}" }}`, list: [1, '{{ input.a }}'] } },
        }
      : { id: at(index), type: 'logic.if', config: { condition: `{{ input.v${index} = "x" }}` } };
  const nodes = Array.from({ length: count }, (_, index) => ({
    ...(index === 0 ? { id: 'start', type: 'trigger.webhook', config: {} } : work(index)),
    position: { x: (index % 10) * 200, y: Math.floor(index / 10) * 100 },
  }));
  const edges = nodes.slice(1).flatMap((node, index) => {
    const sources = index < 10 ? [0] : [1, 3, 5, 7, 9].map((column) => Math.floor(index / 10) * 10 - 10 + column + 1);
    return sources.map((source) => ({
      source: at(source),
      target: node.id,
      ...(source !== 0 && source % 2 === 1 && { sourceHandle: index % 2 === 0 ? 'true' : 'false' }),
    }));
  });
  return { name: 'Large', nodes, edges };
}

it.each([500, 1_000])(
  'B-10: a workflow of %d nodes is created, updated and published',
  async (count) => {
    const took: Record<string, number[]> = { create: [], update: [], publish: [] };
    const timed = async (what: string, method: string, path: string, body?: object) => {
      const began = performance.now();
      const answer = await api.call(method, path, { key: api.admin, body });
      took[what]?.push(performance.now() - began);
      expect([what, answer.status, answer.body.errors]).toEqual([what, what === 'create' ? 201 : 200, undefined]);
      return answer.body;
    };
    for (let round = 0; round < 5; round += 1) {
      const { id } = await timed('create', 'POST', '/api/workflows', drawing(count, `${round}`));
      await timed('update', 'PUT', `/api/workflows/${id}`, drawing(count, `${round}!`));
      expect((await timed('publish', 'POST', `/api/workflows/${id}/publish`)).version).toBe(1);
    }
    const { edges } = drawing(count, '');
    const figures = Object.entries(took).map(([what, times]) => {
      const [first = 0] = times;
      const median = times.toSorted((one, other) => one - other)[Math.floor(times.length / 2)] ?? 0;
      return `${what} ${median.toFixed(0)} ms (first ${first.toFixed(0)} ms)`;
    });
    process.stdout.write(`${count} nodes, ${edges.length} edges: ${figures.join(', ')}\n`);
  },
  120_000,
);
