import type { DeadLetterEvent } from '@sluice/executions-domain';
import { replay } from '@sluice/platform-projections';
import { deadLetter } from './dead-letter.projection.js';

const id = '018f3b5e-0000-7000-8000-00000000000d';
const executionId = '018f3b5e-0000-7000-8000-00000000000e';
const subject = { taskId: 7, kind: 'effect', reason: 'crash_loop', executionId, nodeId: 'call', iteration: 'orders:3' } as const;
const error = { code: 'crash_loop', message: 'It stopped its worker 3 times.' };
const died: DeadLetterEvent = { type: 'task.dead_lettered', aggregateId: id, payload: { ...subject, error } };
const retried: DeadLetterEvent = { type: 'task.retried', aggregateId: id, payload: { ...subject, by: 'ada' } };
const discarded: DeadLetterEvent = { type: 'task.discarded', aggregateId: id, payload: { ...subject, by: 'ada' } };

it('shows what was given up and why, for as long as nobody has decided', () => {
  expect(replay(deadLetter, [died])).toEqual([
    {
      tenantId: expect.any(String),
      id,
      ...subject,
      workflowId: null,
      webhookEventId: null,
      status: 'open',
      error,
      correlationId: 'correlation',
      diedAt: expect.any(String),
      decidedBy: null,
      decidedAt: null,
    },
  ]);
});

it('shows who decided, and keeps the rest', () => {
  expect(replay(deadLetter, [died, retried])).toMatchObject([
    { status: 'retried', decidedBy: 'ada', decidedAt: expect.any(String), error },
  ]);
  expect(replay(deadLetter, [died, discarded])).toMatchObject([{ status: 'discarded', decidedBy: 'ada', error }]);
});

it('is the same under every replay, in whatever batches', () => {
  expect(replay(deadLetter, [died, retried], 1)).toEqual(replay(deadLetter, [died, retried]));
});
