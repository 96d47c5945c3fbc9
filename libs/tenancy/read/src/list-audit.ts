import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { ApiPropertyOptional } from '@nestjs/swagger';
import type { AuditEntryQuery, AuditPage } from '@sluice/contracts';
import { mapItems, newestFirst, Parameters, PeriodPage, ReadStore, selectList, withinPeriod } from '@sluice/platform-projections';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { type AuditLog, auditLog } from './audit-log.projection.js';

export class AuditFilter extends PeriodPage {
  @ApiPropertyOptional({ description: 'The command', example: 'workflows.publish' })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  action?: string;

  @ApiPropertyOptional({ description: 'Who', example: 'key:0190e6ff-5a52-7cc0-9a0c-0d2b4c0a9f3e' })
  @IsOptional()
  @IsString()
  @MaxLength(300)
  by?: string;

  @ApiPropertyOptional({ description: 'The id of the thing changed' })
  @IsOptional()
  @IsString()
  @MaxLength(300)
  subject?: string;

  @ApiPropertyOptional()
  @IsOptional()
  @IsString()
  @MaxLength(128)
  correlationId?: string;
}

export class ListAudit extends Query<AuditPage> {
  constructor(
    readonly tenantId: string,
    readonly filter: AuditFilter,
  ) {
    super();
  }
}

@QueryHandler(ListAudit)
export class ListAuditHandler implements IQueryHandler<ListAudit> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, filter }: ListAudit): Promise<AuditPage> {
    const { action, by, subject, correlationId } = filter;
    const parameters = new Parameters();
    const where = [`s.tenant_id = ${parameters.of(tenantId)}`, ...withinPeriod('s.recorded_at', filter, parameters)];
    if (action !== undefined) where.push(`s.action = ${parameters.of(action)}`);
    if (by !== undefined) where.push(`s.by = ${parameters.of(by)}`);
    if (subject !== undefined) where.push(`s.subject_id = ${parameters.of(subject)}`);
    if (correlationId !== undefined) where.push(`s.correlation_id = ${parameters.of(correlationId)}`);
    return this.store.read(tenantId, async (client) => {
      const rows = await this.store.list<AuditLog>(client, {
        name: 'audit',
        tenantId,
        filter,
        select: selectList(auditLog, 's'),
        from: 'audit_log s',
        where,
        order: newestFirst('s.recorded_at', 'recordedAt'),
        parameters,
      });
      return mapItems(rows, entryOf);
    });
  }
}

function entryOf({ tenantId: _, subjectType, subjectId, callerAddress: from, recordedAt: timestamp, ...entry }: AuditLog): AuditEntryQuery {
  return { ...entry, subject: subjectType === null || subjectId === null ? null : { type: subjectType, id: subjectId }, from, timestamp };
}
