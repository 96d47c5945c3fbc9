import { isJsonObject, newId } from '@sluice/kernel';
import type { CommandCall } from '@sluice/platform-telemetry';
import type { AuditRecorded } from '@sluice/tenancy-domain';

/** Who did what to what. `result`: what the command answers; it names the thing that the command made. */
export function auditOf({ action, by, role, subject, from, method, path }: CommandCall, result: unknown): AuditRecorded {
  const made = isJsonObject(result) && typeof result['id'] === 'string' ? result['id'] : undefined;
  const id = subject.id ?? made;
  return {
    type: 'audit.recorded',
    aggregateId: newId(),
    payload: { action, by, role, subject: id === undefined ? null : { type: subject.type, id }, from, method, path },
  };
}
