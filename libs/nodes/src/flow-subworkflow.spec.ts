import { compileWorkflow, evaluateConfig } from './compile-workflow.js';
import { flowSubworkflow } from './flow-subworkflow.js';
import { flowSubworkflowCases } from './flow-subworkflow.cases.js';
import { checkGraph } from './check-graph.js';
import type { NodeCase } from './node-cases.js';

async function outcome({ config, input = null, trigger = null }: NodeCase) {
  const graph = { nodes: [{ id: 'it', type: flowSubworkflow.type, config }], edges: [] };
  const program = compileWorkflow(graph).programs.get('it');
  if (program === undefined) throw new Error('nothing was compiled');
  const scope = { trigger, input, nodes: {}, execution: {}, workflow: {}, customer: {}, env: {} };
  const evaluated = await evaluateConfig(program, scope, () => Promise.reject(new Error('not here')));
  return flowSubworkflow.run({ config: evaluated, input, trigger, now: new Date(0), evaluate: () => undefined });
}

it.each(flowSubworkflowCases.map((one) => [one.says, one] as const))('%s', async (_, one) => {
  expect(await outcome(one)).toEqual(one.gives);
});

it('writes ids as the store has them', async () => {
  const workflowId = '01A20957-91AB-7C30-8F5E-3D2B4C0A9F3E';
  expect(await outcome({ says: '', config: { workflowId }, gives: {} })).toMatchObject({ workflowId: workflowId.toLowerCase() });
});

it.each([
  [{}, 'config.workflowId'],
  [{ workflowId: 'other' }, 'config.workflowId'],
  [{ workflowId: '{{ env.other }}' }, 'config.workflowId'],
  [{ workflowId: '01a20957-91ab-7c30-8f5e-3d2b4c0a9f3e', version: 0 }, 'config.version'],
  [{ workflowId: '01a20957-91ab-7c30-8f5e-3d2b4c0a9f3e', version: '{{ 3 }}' }, 'config.version'],
])('wants the workflow and its version written out: %j', (config, path) => {
  const nodes = [
    { id: 'start', type: 'trigger.manual', config: {} },
    { id: 'it', type: 'flow.subworkflow', config },
  ];
  expect(checkGraph({ nodes, edges: [{ source: 'start', target: 'it' }] })).toMatchObject([
    { path: `nodes[1].${path}`, code: 'invalid_config' },
  ]);
});
