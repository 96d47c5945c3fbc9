import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NodeCase, PureNodeType, TaskNodeType } from '@sluice/nodes';
import { nodePage, type Policy } from './node-docs/node-page.ts';
import { nodePages } from './node-docs/node-pages.ts';

const root = join(import.meta.dirname, '..');
const policy: Policy = { timeoutMs: 30_000, retry: { maxAttempts: 3, backoff: 'exponential', delayMs: 5_000 } };

const pure = (more: Partial<PureNodeType> = {}): PureNodeType => ({
  type: 'logic.madeUp',
  kind: 'pure',
  title: 'Made up',
  description: 'Does nothing.',
  configSchema: { type: 'object', properties: {}, additionalProperties: false },
  handles: () => ['out'],
  run: () => ({ kind: 'done', handle: 'out', output: null }),
  ...more,
});

const example = (gives: NodeCase['gives'], more: Partial<NodeCase> = {}): NodeCase => ({ says: 'Is so.', config: {}, gives, ...more });
const page = (type: PureNodeType | TaskNodeType, ...cases: NodeCase[]) => nodePage({ type, cases, policy });

it('docs/nodes says what the node files and their cases say; else: npm run docs:nodes', async () => {
  const pages = await nodePages();
  const written = new Map(globSync('docs/nodes/**/*.md', { cwd: root }).map((path) => [path, readFileSync(join(root, path), 'utf8')]));
  const differing = [...new Set([...pages.keys(), ...written.keys()])].filter((path) => pages.get(path) !== written.get(path));
  expect({ differing, mend: 'npm run docs:nodes' }).toEqual({ differing: [], mend: 'npm run docs:nodes' });
});

it('every outcome has its words', async () => {
  const text = await page(
    pure({ handles: () => ['item', 'done'], loop: () => ({ concurrency: 1, onItemError: 'fail' }) }),
    example({ kind: 'done', handle: 'done', output: { a: 1 } }),
    example({ kind: 'wait', until: '2026-06-01T12:00:00.000Z' }),
    example({ kind: 'stop', status: 'failed', output: 'no' }),
    example({ kind: 'loop', items: Array.from({ length: 10_001 }, (_, index) => index) }),
    example({ kind: 'awaitEvent', customerId: '9001' }, { events: [{ event: { text: 'yes' }, fits: true }] }),
    example({ kind: 'awaitApproval', title: 'Well?' }),
    example({ kind: 'call', workflowId: 'other', input: 1 }),
    example({ fails: 'too_much' }),
  );
  expect(text).toContain('It is left by `item` or `done`. What lies behind `item` is its body.');
  expect(text).toContain('Goes on by `done`, with: `{ "a": 1 }`');
  expect(text).toContain('Waits until 2026-06-01T12:00:00.000Z, then goes on by `out` with its input.');
  expect(text).toContain('Ends the run as `failed`, with: `"no"`');
  expect(text).toContain('Runs its body for each of: `[0, 1, 2, "… 9998 more"]`');
  expect(text).toContain('Waits for an event: `{ "customerId": "9001" }`');
  expect(text).toContain('This event fits: `{ "text": "yes" }`');
  expect(text).toContain('Waits for a decision: `{ "title": "Well?" }`');
  expect(text).toContain('Runs the workflow, and goes on by `out` with its output: `{ "workflowId": "other", "input": 1 }`');
  expect(text).toContain('Fails with `too_much`.');
});

it('handles that come from the config are told from those that every node has', async () => {
  const type = pure({ handles: ({ name }) => (typeof name === 'string' ? [name, 'out'] : ['out']) });
  const text = await page(type, example({ kind: 'done', handle: 'paid' }, { config: { name: 'paid' } }));
  expect(text).toContain('It is left by `out`. Depending on its config also others, such as `paid`.');
});

it('a task shows its code as code, and what a field may be', async () => {
  const task: TaskNodeType = {
    ...pure(),
    kind: 'task',
    configSchema: {
      type: 'object',
      properties: {
        source: { type: 'string', format: 'code', syntax: 'javascript', bytesMax: 65_536, description: 'The code.' },
        condition: { type: 'string', format: 'expression', deferred: true },
        mode: { enum: ['a', 'b'], default: 'a', literal: true },
        list: { type: 'array', minItems: 1, items: { type: 'object', properties: { id: { type: ['string', 'null'] } } } },
        name: { type: 'string', handle: true },
        version: { type: 'integer', handle: 'conflict', examples: [1] },
      },
      required: ['source'],
      not: { required: ['name', 'version'] },
    },
    run: () => Promise.resolve({ kind: 'done', handle: 'out', output: null }),
  };
  const text = await page(task, example({ output: 1 }, { config: { source: 'const a = 1;\nreturn a;', mode: 'b' } }));
  expect(text).toContain('| `source` | code (javascript) | yes |  | The code. At most 65\u00a0536 bytes. |');
  expect(text).toContain('| `condition` | expression |  |  | Evaluated anew for each item or event. |');
  expect(text).toContain('| `mode` | `a`, `b` |  | `"a"` | Written out: no template. |');
  expect(text).toContain('| `list` | list of object |  |  | At least 1 item. |');
  expect(text).toContain('| `list[].id` | text or null |  |  |  |');
  expect(text).toContain('| `name` | text |  |  | Written out: a handle of the node. |');
  expect(text).toContain('| `version` | whole number |  |  | Set, it adds the handle `conflict`. E.g. `1`. |');
  expect(text).toContain('Not `name` and `version` together.');
  expect(text).toContain('{ "mode": "b" }');
  expect(text).toContain('`source`:\n\n```javascript\nconst a = 1;\nreturn a;\n```');
  expect(text).toContain('What another attempt may mend is tried up to 3 times, first after 5 s. An attempt has 30 s.');
});
