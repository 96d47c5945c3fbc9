import type { NodeError, NodeRunStatus, RunStatus } from '@sluice/engine';

export interface NodeJob {
  readonly status: NodeRunStatus;
  readonly attempt: number;
  readonly waitUntil: string | null;
  readonly error: NodeError | null;
}

export interface JobState {
  readonly state: 'ready' | 'waiting' | 'running' | 'done' | 'dead';
  readonly until?: string;
}

/** As seen from the log: a retry that is due is ready until its attempt says that it has started. */
export function nodeJobState({ status, waitUntil }: NodeJob, now: string): JobState {
  switch (status) {
    case 'completed':
    case 'skipped':
      return { state: 'done' };
    case 'failed':
      return { state: 'dead' };
    case 'in_doubt':
      return { state: 'waiting' };
    case 'waiting':
    case 'running':
      if (waitUntil === null) return { state: status };
      return waitUntil > now ? { state: 'waiting', until: waitUntil } : { state: 'ready' };
  }
}

/** A run is as its liveliest node: it runs while one runs, is ready when one is due, and waits for the first of those that wait. */
export function executionJobState(status: RunStatus, nodes: readonly NodeJob[], now: string): JobState {
  switch (status) {
    case 'completed':
    case 'cancelled':
      return { state: 'done' };
    case 'failed':
    case 'incomplete':
      return { state: 'dead' };
    case 'paused':
      return { state: 'waiting' };
    case 'running':
    case 'waiting': {
      const jobs = nodes.map((node) => nodeJobState(node, now)).filter(({ state }) => state !== 'done' && state !== 'dead');
      for (const state of ['running', 'ready'] as const) if (jobs.some((job) => job.state === state)) return { state };
      const [until] = jobs.flatMap((job) => job.until ?? []).toSorted();
      if (jobs.length > 0) return { state: 'waiting', ...(until !== undefined && { until }) };
      return { state: status === 'waiting' ? 'waiting' : 'ready' };
    }
  }
}
