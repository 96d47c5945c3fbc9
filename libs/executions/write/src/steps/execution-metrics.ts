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

const runOutcome = /^workflow\.execution\.(completed|failed|cancelled|incomplete)$/;
const nodeOutcome = /^node\.execution\.(completed|failed|skipped|in_doubt)$/;

export function countEvents(events: readonly DomainEvent[]): void {
  for (const { type, payload } of events) {
    const run = runOutcome.exec(type)?.[1];
    if (run !== undefined) executionsTotal.inc({ status: run });
    const node = nodeOutcome.exec(type)?.[1];
    if (node !== undefined && typeof payload === 'object' && payload !== null && 'nodeType' in payload) {
      nodesTotal.inc({ type: String(payload.nodeType), status: node });
    }
  }
}
