import type { BacktestEvent, RunComparison } from '@sluice/executions-domain';
import { type Projection, type TenantRow, unchanged } from '@sluice/platform-projections';

interface BacktestPart extends TenantRow {
  readonly backtestId: string;
  readonly part: number;
  readonly results: readonly RunComparison[];
}

/** What a backtest found, chunk by chunk. */
export const backtestPart: Projection<BacktestEvent, BacktestPart, 'backtestId' | 'part'> = {
  table: 'backtest_part',
  key: ['backtestId', 'part'],
  appendOnly: true,
  columns: { tenantId: 'uuid', backtestId: 'uuid', part: 'int', results: 'jsonb' },
  keys: ({ aggregateId: backtestId, payload }) => ('part' in payload ? [{ backtestId, part: payload.part }] : []),
  on: {
    'backtest.started': unchanged,
    'backtest.compared': ({ payload: { results } }) => ({ results }),
    'backtest.completed': unchanged,
    'backtest.failed': unchanged,
  },
};
