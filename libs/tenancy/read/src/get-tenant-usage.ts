import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { ApiPropertyOptional } from '@nestjs/swagger';
import type { TenantUsageQuery, UsageOfDayQuery } from '@sluice/contracts';
import { ReadStore } from '@sluice/platform-projections';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, Max, Min } from 'class-validator';

export class UsageFilter {
  @ApiPropertyOptional({ minimum: 1, maximum: 92, default: 30, description: 'How many days up to and including today (UTC)' })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(92)
  days: number = 30;
}

export class GetTenantUsage extends Query<TenantUsageQuery> {
  constructor(
    readonly tenantId: string,
    readonly days: number,
  ) {
    super();
  }
}

/** Counted from the runs and events that the read models hold. */
@QueryHandler(GetTenantUsage)
export class GetTenantUsageHandler implements IQueryHandler<GetTenantUsage> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, days }: GetTenantUsage): Promise<TenantUsageQuery> {
    return this.store.read(tenantId, async (client) => {
      const { rows } = await client.query<UsageOfDayQuery>(
        `WITH period AS (SELECT date_trunc('day', now(), 'UTC') - $2 * interval '1 day' AS first),
         run AS (SELECT date_trunc('day', started_at, 'UTC') AS day, count(*) AS runs FROM execution_summary
                 WHERE tenant_id = $1 AND started_at >= (SELECT first FROM period) GROUP BY 1),
         event AS (SELECT date_trunc('day', received_at, 'UTC') AS day, count(*) AS events FROM webhook_event_history
                   WHERE tenant_id = $1 AND received_at >= (SELECT first FROM period) GROUP BY 1)
         SELECT to_char(day AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, coalesce(runs, 0) AS runs, coalesce(events, 0) AS events
         FROM period, generate_series(first, first + $2 * interval '1 day', interval '1 day') AS day
           LEFT JOIN run USING (day) LEFT JOIN event USING (day)
         ORDER BY day DESC`,
        [tenantId, days - 1],
      );
      const sum = (of: (day: UsageOfDayQuery) => number): number => rows.reduce((total, day) => total + of(day), 0);
      return { tenantId, days: rows, runs: sum(({ runs }) => runs), events: sum(({ events }) => events) };
    });
  }
}
