import {
  advance,
  type CompiledGraph,
  type Decision,
  DEFAULT_HANDLE,
  executionIsOver,
  type Fact,
  type Iteration,
  keyOf,
  type RunLimits,
  type RunState,
  type RunStatus,
} from '@sluice/engine';
import { DomainError, type Json, newId } from '@sluice/kernel';
import { anyGraph, ExecutionIsOver } from './cancel.js';

/** A run and the version that it follows. */
export interface ControlledRun {
  readonly id: string;
  readonly workflowId: string;
  readonly state: RunState;
}

export interface GraphOfRun {
  readonly compiled: CompiledGraph;
  readonly limits: RunLimits;
}

export class ExecutionIsPaused extends DomainError {
  constructor(id: string) {
    super('conflict', 'execution_is_paused', `The execution ${id} is paused already. Resume it to let it go on.`);
  }
}

export class ExecutionIsNotPaused extends DomainError {
  constructor(id: string, status: RunStatus) {
    super('conflict', 'execution_is_not_paused', `The execution ${id} is ${status}, not paused: there is nothing to resume.`);
  }
}

export class ExecutionHasNotFailed extends DomainError {
  constructor(id: string, status: RunStatus) {
    const instead = executionIsOver({ status }) ? 'Rerun it to begin anew.' : 'It is under way still.';
    super('conflict', 'execution_has_not_failed', `The execution ${id} is ${status}; only a failed one is retried. ${instead}`);
  }
}

export class NothingToRetry extends DomainError {
  constructor(id: string) {
    super('conflict', 'nothing_to_retry', `No node of the execution ${id} failed or was under way when it ended. Rerun it to begin anew.`);
  }
}

export class NodeHasNotFailed extends DomainError {
  constructor(id: string, nodeId: string, iteration: Iteration) {
    const where = iteration === '' ? '' : ` in the iteration ${iteration}`;
    const instead = 'Name a node that failed, or none: all that failed is retried.';
    super('conflict', 'node_has_not_failed', `In the execution ${id} the node "${nodeId}" has not failed${where}. ${instead}`);
  }
}

export class LimitIsUsedUp extends DomainError {
  constructor(id: string, message: string) {
    super('conflict', 'limit_is_used_up', `The execution ${id} cannot go on: ${message} Publish higher limits and rerun it.`);
  }
}

export class EffectIsNotInDoubt extends DomainError {
  constructor(id: string, key: string) {
    super('conflict', 'effect_is_not_in_doubt', `In the execution ${id} the node "${key}" is not in doubt: there is nothing to resolve.`);
  }
}

const at = (now: Date) => ({ now, newId, random: Math.random });
const workflowOf = ({ id, workflowId }: ControlledRun, limits?: RunLimits) => ({
  executionId: id,
  workflowId,
  ...(limits === undefined ? {} : { limits }),
});

function refuseIfOver({ id, state }: Pick<ControlledRun, 'id' | 'state'>): void {
  if (executionIsOver(state)) throw new ExecutionIsOver(id, state.status);
}

/** What runs goes on to its end; nothing follows it until the run is resumed. */
export function pause(run: ControlledRun, by: string, now: Date): Decision {
  refuseIfOver(run);
  if (run.state.status === 'paused') throw new ExecutionIsPaused(run.id);
  return advance(anyGraph, workflowOf(run), run.state, { type: 'run.paused', by }, at(now));
}

/** `isQueued`: it was paused before its turn had come, and waits for that again. */
export function resume(run: ControlledRun, graph: GraphOfRun, by: string, now: Date, isQueued: boolean): Decision {
  refuseIfOver(run);
  if (run.state.status !== 'paused') throw new ExecutionIsNotPaused(run.id, run.state.status);
  const decision = advance(graph.compiled, workflowOf(run), run.state, { type: 'run.resumed', by }, at(now));
  if (!isQueued) return decision;
  const { id: aggregateId, workflowId } = run;
  return {
    ...decision,
    state: { ...decision.state, status: 'waiting' },
    events: [...decision.events, { type: 'workflow.execution.waiting', aggregateId, payload: { workflowId, for: 'turn' } }],
  };
}

/** A place that is named must have failed; all that failed is tried again, whether it is named or not. */
export function retry(
  run: ControlledRun,
  graph: GraphOfRun,
  by: string,
  now: Date,
  named?: { readonly nodeId: string; readonly iteration: Iteration },
): Decision {
  const { id, state } = run;
  if (state.status !== 'failed') throw new ExecutionHasNotFailed(id, state.status);
  if (named !== undefined) {
    const { nodeId, iteration } = named;
    const node = state.nodes.get(keyOf(nodeId, iteration));
    if (node?.status !== 'failed' || node.handle !== undefined) throw new NodeHasNotFailed(id, nodeId, iteration);
  }
  const decision = advance(graph.compiled, workflowOf(run, graph.limits), state, { type: 'run.retried', by }, at(now));
  if (executionIsOver(decision.state) && decision.events.length > 0) throw new LimitIsUsedUp(id, decision.state.error?.message ?? '');
  if (decision.commands.length === 0) throw new NothingToRetry(id);
  return decision;
}

/** What became of a call in doubt, as a person found out. */
export type Resolution = { readonly outcome: 'sent'; readonly output: Json } | { readonly outcome: 'not_sent' };

/** `sent`: the node has ended with that output. `not_sent`: it runs again. */
export function resolve(
  run: ControlledRun,
  graph: GraphOfRun,
  { nodeId, iteration }: { readonly nodeId: string; readonly iteration: Iteration },
  resolution: Resolution,
  now: Date,
): Decision {
  refuseIfOver(run);
  const key = keyOf(nodeId, iteration);
  const node = run.state.nodes.get(key);
  if (node?.status !== 'in_doubt') throw new EffectIsNotInDoubt(run.id, key);
  const fact: Fact =
    resolution.outcome === 'sent'
      ? { type: 'node.completed', nodeId, iteration, handle: DEFAULT_HANDLE, output: resolution.output }
      : { type: 'node.repeated', nodeId, iteration };
  const decision = advance(graph.compiled, workflowOf(run, graph.limits), run.state, fact, at(now));
  if (decision.events.length === 0) throw new EffectIsNotInDoubt(run.id, key);
  return decision;
}
