import type { Projection, TenantRow } from '@sluice/platform-projections';
import type { AuditRecorded } from '@sluice/tenancy-domain';

export interface AuditLog extends TenantRow {
  readonly id: string;
  readonly action: string;
  readonly by: string;
  readonly role: string;
  readonly subjectType: string | null;
  readonly subjectId: string | null;
  readonly callerAddress: string | null;
  readonly method: string;
  readonly path: string;
  readonly correlationId: string;
  readonly recordedAt: string;
}

/** Who did what to what. Each event is a row; none is ever changed. */
export const auditLog: Projection<AuditRecorded, AuditLog> = {
  table: 'audit_log',
  key: ['id'],
  appendOnly: true,
  columns: {
    tenantId: 'uuid',
    id: 'uuid',
    action: 'text',
    by: 'text',
    role: 'text',
    subjectType: 'text',
    subjectId: 'text',
    callerAddress: 'text',
    method: 'text',
    path: 'text',
    correlationId: 'text',
    recordedAt: 'timestamptz',
  },
  keys: ({ aggregateId: id }) => [{ id }],
  on: {
    'audit.recorded': ({ payload: { subject, from, ...entry }, correlationId, timestamp }) => ({
      ...entry,
      subjectType: subject?.type ?? null,
      subjectId: subject?.id ?? null,
      callerAddress: from,
      correlationId,
      recordedAt: timestamp,
    }),
  },
};
