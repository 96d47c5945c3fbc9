import type { NodeCase } from './node-cases.js';

export const logicStopCases: readonly NodeCase[] = [
  { says: 'Ends the run as completed.', config: {}, gives: { kind: 'stop', status: 'completed' } },
  {
    says: 'Gives the run its output.',
    config: { output: { price: '{{ input.body.price }}' } },
    input: { body: { price: 42 } },
    gives: { kind: 'stop', status: 'completed', output: { price: 42 } },
  },
  {
    says: 'Ends the run as failed, with the reason as its output.',
    config: { status: 'failed', output: { reason: 'No such order: {{ input.orderId }}' } },
    input: { orderId: 7 },
    gives: { kind: 'stop', status: 'failed', output: { reason: 'No such order: 7' } },
  },
  {
    says: 'Takes the status from a template.',
    config: { status: "{{ input.ok ? 'completed' : 'failed' }}" },
    input: { ok: false },
    gives: { kind: 'stop', status: 'failed' },
  },
  {
    says: 'Fails when the template makes another status.',
    config: { status: '{{ input.status }}' },
    input: { status: 'paused' },
    gives: { fails: 'config_invalid' },
  },
  { says: 'Knows no other status.', config: { status: 'cancelled' }, gives: { refused: 'invalid_config' } },
];
