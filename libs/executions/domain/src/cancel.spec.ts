import { cancel, ExecutionIsOver } from './cancel.js';

const id = '018f3b5e-0000-7000-8000-00000000000e';
const workflowId = '018f3b5e-0000-7000-8000-00000000000f';
const cancelled = (status: Parameters<typeof cancel>[0]['status']) => cancel({ id, workflowId, status }, 'ada', new Date());

it.each(['running', 'waiting', 'paused'] as const)('ends a run that is %s', (status) => {
  expect(cancelled(status)).toEqual([{ type: 'workflow.execution.cancelled', aggregateId: id, payload: { workflowId, by: 'ada' } }]);
});

it.each(['completed', 'failed', 'cancelled', 'incomplete'] as const)('refuses a run that is %s', (status) => {
  expect(() => cancelled(status)).toThrow(ExecutionIsOver);
});
