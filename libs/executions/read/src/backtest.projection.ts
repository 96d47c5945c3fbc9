import type { BacktestEvent } from '@sluice/executions-domain';
import type { Projection, TenantRow } from '@sluice/platform-projections';

export interface Backtest extends TenantRow {
  readonly id: string;
  readonly workflowId: string;
  readonly status: 'running' | 'completed' | 'failed';
  readonly requestedBy: string;
  readonly draftRevision: number;
  readonly liveVersion: number;
  readonly total: number;
  readonly done: number;
  readonly different: number;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly startedAt: string;
  readonly completedAt: string | null;
}

/** How far a backtest is. What it found stands in `backtestPart`. */
export const backtest: Projection<BacktestEvent, Backtest> = {
  table: 'backtest',
  key: ['id'],
  columns: {
    tenantId: 'uuid',
    id: 'uuid',
    workflowId: 'uuid',
    status: 'text',
    requestedBy: 'text',
    draftRevision: 'int',
    liveVersion: 'int',
    total: 'int',
    done: 'int',
    different: 'int',
    error: 'jsonb',
    startedAt: 'timestamptz',
    completedAt: 'timestamptz',
  },
  keys: ({ aggregateId: id }) => [{ id }],
  on: {
    'backtest.started': ({ payload: { workflowId, draftRevision, liveVersion, events, by }, timestamp }) => ({
      workflowId,
      status: 'running',
      requestedBy: by,
      draftRevision,
      liveVersion,
      total: events,
      done: 0,
      different: 0,
      error: null,
      startedAt: timestamp,
      completedAt: null,
    }),
    'backtest.compared': ({ payload: { done, different } }) => ({ done, different }),
    'backtest.completed': ({ timestamp: completedAt }) => ({ status: 'completed', completedAt }),
    'backtest.failed': ({ payload: { error }, timestamp: completedAt }) => ({ status: 'failed', error, completedAt }),
  },
};
