import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { deadLetterKinds, type DeadLetterPage, deadLetterReasons, deadLetterStatuses } from '@sluice/contracts';
import { IsId, mapItems, newestFirst, Parameters, PeriodPage, ReadStore, withinPeriod } from '@sluice/platform-projections';
import { IsIn, IsOptional } from 'class-validator';
import type { DeadLetterRow } from './dead-letter.projection.js';
import { deadLetterColumns, deadLetterOf } from './dead-letter-row.js';

/** `dateFrom` and `dateTo` are about the death. */
export class DeadLetterFilter extends PeriodPage {
  @ApiPropertyOptional({ enum: deadLetterStatuses })
  @IsOptional()
  @IsIn(deadLetterStatuses)
  status?: (typeof deadLetterStatuses)[number];

  @ApiPropertyOptional({ enum: deadLetterReasons })
  @IsOptional()
  @IsIn(deadLetterReasons)
  reason?: (typeof deadLetterReasons)[number];

  @ApiPropertyOptional({ enum: deadLetterKinds })
  @IsOptional()
  @IsIn(deadLetterKinds)
  kind?: (typeof deadLetterKinds)[number];

  @ApiPropertyOptional({ format: 'uuid' })
  @IsOptional()
  @IsId()
  workflowId?: string;
}

export class ListDeadLetters extends Query<DeadLetterPage> {
  constructor(
    readonly tenantId: string,
    readonly filter: DeadLetterFilter,
  ) {
    super();
  }
}

@QueryHandler(ListDeadLetters)
export class ListDeadLettersHandler implements IQueryHandler<ListDeadLetters> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, filter }: ListDeadLetters): Promise<DeadLetterPage> {
    const { status, reason, kind, workflowId } = filter;
    const parameters = new Parameters();
    const where = [`l.tenant_id = ${parameters.of(tenantId)}`, ...withinPeriod('l.died_at', filter, parameters)];
    if (status !== undefined) where.push(`l.status = ${parameters.of(status)}`);
    if (reason !== undefined) where.push(`l.reason = ${parameters.of(reason)}`);
    if (kind !== undefined) where.push(`l.kind = ${parameters.of(kind)}`);
    if (workflowId !== undefined) where.push(`l.workflow_id = ${parameters.of(workflowId)}`);
    return this.store.read(tenantId, async (client) => {
      const rows = await this.store.list<DeadLetterRow>(client, {
        name: 'dead-letters',
        tenantId,
        filter,
        select: deadLetterColumns,
        from: 'dead_letters l',
        where,
        order: newestFirst('l.died_at', 'diedAt', 'l.id'),
        parameters,
      });
      return mapItems(rows, deadLetterOf);
    });
  }
}
