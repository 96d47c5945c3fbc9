import { randomUUID } from 'node:crypto';
import { replay } from '@sluice/platform-projections';
import type { AuditRecorded } from '@sluice/tenancy-domain';
import { auditLog } from './audit-log.projection.js';

const recorded = (subject: AuditRecorded['payload']['subject']): AuditRecorded => ({
  type: 'audit.recorded',
  aggregateId: randomUUID(),
  payload: { action: 'workflows.publish', by: 'ada', role: 'editor', subject, from: '192.0.2.7', method: 'POST', path: '/api/workflows' },
});

it('has a row for every command, also for one without a subject', () => {
  const events = [recorded({ type: 'workflow', id: 'w' }), recorded(null)];
  const rows = replay(auditLog, events);
  expect(rows).toMatchObject([
    { action: 'workflows.publish', by: 'ada', subjectType: 'workflow', subjectId: 'w', callerAddress: '192.0.2.7' },
    { subjectType: null, subjectId: null },
  ]);
  expect(replay(auditLog, events, 1)).toEqual(rows);
});
