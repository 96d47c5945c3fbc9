import type { NodeCase } from './node-cases.js';

export const flowApprovalCases: readonly NodeCase[] = [
  {
    says: 'Waits for a person to approve or reject, for 366 days.',
    config: { title: 'Publish the answer?' },
    gives: { kind: 'awaitApproval', title: 'Publish the answer?', until: '2027-06-02T12:00:00.000Z' },
  },
  {
    says: 'Tells the person what it is about.',
    config: { title: 'Refund {{ input.amount }} EUR?', message: '{{ input.reason }}' },
    input: { amount: 42, reason: 'The cup arrived broken.' },
    gives: { kind: 'awaitApproval', title: 'Refund 42 EUR?', message: 'The cup arrived broken.' },
  },
  {
    says: 'Goes on by `timeout` with its input when nobody decides for a day.',
    config: { title: 'Refund?', timeoutMs: 86_400_000 },
    gives: { kind: 'awaitApproval', until: '2026-06-02T12:00:00.000Z' },
  },
  {
    says: 'Goes on by `timeout` at a time.',
    config: { title: 'Refund?', until: '{{ input.dueAt }}' },
    input: { dueAt: '2026-06-05T18:00:00+02:00' },
    gives: { kind: 'awaitApproval', until: '2026-06-05T16:00:00.000Z' },
  },
  {
    says: 'Goes on by `timeout` at once when that time has passed.',
    config: { title: 'Refund?', until: '{{ input.dueAt }}' },
    input: { dueAt: '2026-05-30T18:00:00+02:00' },
    gives: { kind: 'done', handle: 'timeout', output: { dueAt: '2026-05-30T18:00:00+02:00' } },
  },
  {
    says: 'Leaves out a message that finds nothing.',
    config: { title: 'Refund?', message: '{{ input.reason }}' },
    input: {},
    gives: { kind: 'awaitApproval', title: 'Refund?', until: '2027-06-02T12:00:00.000Z' },
  },
  {
    says: 'Fails when the title finds nothing: nobody could decide.',
    config: { title: '{{ input.question }}' },
    input: {},
    gives: { fails: 'config_invalid' },
  },
  {
    says: 'Has a title of at most 200 characters; the rest belongs in `message`.',
    config: { title: '{{ $pad("Refund?", 201) }}' },
    gives: { fails: 'config_invalid' },
  },
  {
    says: 'Takes `timeoutMs` or `until`, not both.',
    config: { title: 'Refund?', timeoutMs: 86_400_000, until: '2026-06-05T18:00:00+02:00' },
    gives: { refused: 'invalid_config' },
  },
];
