import { advance, compileGraph, type EngineEvent, executionIsOver, newRun, type RunStatus } from '@sluice/engine';
import { DomainError, newId } from '@sluice/kernel';

/** What is decided about a run as a whole, without a look at its nodes. */
export interface OpenExecution {
  readonly id: string;
  readonly workflowId: string;
  readonly status: RunStatus;
}

export class ExecutionNotFound extends DomainError {
  constructor(id: string) {
    super('not_found', 'execution_not_found', `There is no execution ${id}.`);
  }
}

export class ExecutionIsOver extends DomainError {
  constructor(id: string, status: RunStatus) {
    super('conflict', 'execution_is_over', `The execution ${id} is over: ${status}.`);
  }
}

/** Cancelling and pausing meet no node: a run whose version no longer compiles can be cancelled, too. */
export const anyGraph = compileGraph({ nodes: [], edges: [] }, () => ({}));

export function cancel({ id, workflowId, status }: OpenExecution, by: string, now: Date): EngineEvent[] {
  if (executionIsOver({ status })) throw new ExecutionIsOver(id, status);
  const workflow = { executionId: id, workflowId };
  return advance(anyGraph, workflow, { ...newRun('', null), status }, { type: 'run.cancelled', by }, { now, newId, random: () => 0 })
    .events;
}
