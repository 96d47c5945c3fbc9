import type { DomainEvent } from '@sluice/kernel';
import { Counter } from 'prom-client';

const executionsTotal = new Counter({
  name: 'sluice_workflow_execution_total',
  help: 'Runs that ended, by how',
  labelNames: ['status'] as const,
});

const nodesTotal = new Counter({
  name: 'sluice_node_execution_total',
  help: 'Node runs that came to an outcome',
  labelNames: ['type', 'status'] as const,
});

const deadLettersTotal = new Counter({
  name: 'sluice_dead_letters_total',
  help: 'Tasks that were given up and wait for a person, by why',
  labelNames: ['reason'] as const,
});

export const fencedTotal = new Counter({
  name: 'sluice_fenced_commits_total',
  help: 'Steps that were decided again, because their run had moved on meanwhile',
});

export const leasesExpiredTotal = new Counter({
  name: 'sluice_lease_expired_total',
  help: 'Leases that ran out; their tasks were made ready again',
});

export const crashesTotal = new Counter({
  name: 'sluice_task_crashes_total',
  help: 'Tasks whose lease ran out because their worker had died',
});

const runOutcome = /^workflow\.execution\.(completed|failed|cancelled|incomplete)$/;
const nodeOutcome = /^node\.execution\.(completed|failed|skipped|in_doubt)$/;

export function countEvents(events: readonly DomainEvent[]): void {
  for (const { type, payload } of events) {
    const run = runOutcome.exec(type)?.[1];
    if (run !== undefined) executionsTotal.inc({ status: run });
    if (type === 'task.dead_lettered' && typeof payload === 'object' && payload !== null && 'reason' in payload) {
      deadLettersTotal.inc({ reason: String(payload.reason) });
    }
    const node = nodeOutcome.exec(type)?.[1];
    if (node !== undefined && typeof payload === 'object' && payload !== null && 'nodeType' in payload) {
      nodesTotal.inc({ type: String(payload.nodeType), status: node });
    }
  }
}
