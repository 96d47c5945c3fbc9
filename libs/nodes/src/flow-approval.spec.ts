import type { JsonObject } from '@sluice/kernel';
import { flowApproval } from './flow-approval.js';

const now = new Date('2026-06-01T12:00:00Z');
const run = (config: JsonObject) => flowApproval.run({ config, input: 'input', trigger: null, now, evaluate: () => undefined });

describe('flow.approval', () => {
  it('waits for a decision, and never without end', () => {
    expect(run({ title: 'Refund?' })).toEqual({ kind: 'awaitApproval', title: 'Refund?', until: new Date('2027-06-02T12:00:00Z') });
    expect(run({ title: 7, message: 'Because', timeoutMs: '1000' })).toEqual({
      kind: 'awaitApproval',
      title: '7',
      message: 'Because',
      until: new Date('2026-06-01T12:00:01Z'),
    });
  });

  it('can be left by either decision, or by nobody deciding', () => {
    expect(flowApproval.handles({})).toEqual(['approved', 'rejected', 'timeout']);
  });

  it.each<[JsonObject, string]>([
    [{}, '`title` has no value'],
    [{ title: ['Refund?'] }, '`title` must be a text, not a list'],
    [{ title: 'x'.repeat(201) }, '`title` has 201 characters: at most 200 are shown'],
    [{ title: 'Refund?', message: 'x'.repeat(5_001) }, '`message` has 5001 characters: at most 5000 are shown'],
    [{ title: 'Refund?', timeoutMs: -1 }, '`timeoutMs` must be a number of milliseconds'],
  ])('fails for good and says why: %j', (config, message) => {
    expect(() => run(config)).toThrow(
      expect.objectContaining({ code: 'config_invalid', message: expect.stringContaining(message), options: { retryable: false } }),
    );
  });
});
