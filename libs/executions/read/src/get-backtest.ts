import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { BacktestQuery, BacktestResultQuery } from '@sluice/contracts';
import { DomainError } from '@sluice/kernel';
import { offsetOf, type Page } from '@sluice/platform-http';
import { ReadStore, selectList } from '@sluice/platform-projections';
import { type Backtest, backtest } from './backtest.projection.js';

export class BacktestNotFound extends DomainError {
  constructor(id: string) {
    super('not_found', 'backtest_not_found', `There is no backtest ${id}.`);
  }
}

export class GetBacktest extends Query<BacktestQuery> {
  constructor(
    readonly tenantId: string,
    readonly backtestId: string,
    readonly page: Page,
  ) {
    super();
  }
}

@QueryHandler(GetBacktest)
export class GetBacktestHandler implements IQueryHandler<GetBacktest> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, backtestId, page }: GetBacktest): Promise<BacktestQuery> {
    return this.store.read(tenantId, async (client) => {
      const found = await client.query<Backtest>(
        `SELECT ${selectList(backtest, 'b')} FROM backtest b WHERE b.tenant_id = $1 AND b.id = $2`,
        [tenantId, backtestId],
      );
      const row = found.rows[0];
      if (row === undefined) throw new BacktestNotFound(backtestId);

      const parts =
        'FROM backtest_part p, jsonb_array_elements(p.results) WITH ORDINALITY AS r(result, ord) WHERE p.tenant_id = $1 AND p.backtest_id = $2';
      const { rows: counted } = await client.query<{ total: number }>(`SELECT count(*) AS total ${parts}`, [tenantId, backtestId]);
      const { rows: results } = await client.query<{ result: BacktestResultQuery }>(
        `SELECT r.result ${parts} ORDER BY p.part, r.ord LIMIT $3 OFFSET $4`,
        [tenantId, backtestId, page.limit, offsetOf(page)],
      );
      const { id, workflowId, status, requestedBy, startedAt, completedAt, draftRevision, liveVersion, total, done, different, error } =
        row;
      return {
        id,
        workflowId,
        status,
        requestedBy,
        startedAt,
        completedAt,
        draftRevision,
        liveVersion,
        events: { total, done, different },
        ...(error !== null && { error }),
        results: results.map(({ result }) => result),
        page: page.page,
        limit: page.limit,
        resultsTotal: counted[0]?.total ?? 0,
      };
    });
  }
}
