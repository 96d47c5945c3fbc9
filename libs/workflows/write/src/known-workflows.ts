import { callsOf, type KnownWorkflow, type WorkflowCall } from '@sluice/workflows-domain';
import type { JsonObject } from '@sluice/kernel';
import type { EntityManager } from 'typeorm';

interface CalledRow extends Omit<KnownWorkflow, 'versions'> {
  readonly version: number | null;
  readonly startsByHand: boolean | null;
  readonly configs: readonly JsonObject[] | null;
}

/** Calls of calls are followed so far; a run that goes further is stopped by its own limit. */
const CALLS_DEEP = 100;

/** The workflows that are called and are there, and those that they call in turn. */
export async function knownWorkflows(
  manager: EntityManager,
  tenantId: string,
  calls: readonly WorkflowCall[],
): Promise<readonly KnownWorkflow[]> {
  const known = new Map<string, KnownWorkflow>();
  const asked = new Set<string>();
  let next = calls;
  for (let depth = 0; depth < CALLS_DEEP; depth += 1) {
    next = next.filter((call) => isNew(asked, keyOf(call)));
    if (next.length === 0) break;
    const rows: CalledRow[] = await manager.query(
      `SELECT w.id, w.name, w.status, w.version AS newest, v.version,
              jsonb_path_exists(v.graph, '$.nodes[*] ? (@.type == "trigger.manual")') AS "startsByHand",
              jsonb_path_query_array(v.graph, '$.nodes[*] ? (@.type == "flow.subworkflow").config') AS configs
       FROM unnest($2::uuid[], $3::int[]) AS called (id, version)
       JOIN workflows w ON w.tenant_id = $1 AND w.id = called.id
       LEFT JOIN workflow_versions v
         ON v.tenant_id = w.tenant_id AND v.workflow_id = w.id AND v.version = coalesce(called.version, w.version)`,
      [tenantId, next.map(({ workflowId }) => workflowId), next.map(({ version = null }) => version)],
    );
    for (const row of rows) known.set(row.id, withVersion(known.get(row.id), row));
    next = rows.flatMap(({ configs }) => (configs ?? []).flatMap(callsOf));
  }
  return [...known.values()];
}

function withVersion(before: KnownWorkflow | undefined, { version, startsByHand, configs, ...workflow }: CalledRow): KnownWorkflow {
  const versions = before?.versions ?? [];
  if (version === null || versions.some((one) => one.version === version)) return { ...workflow, versions };
  return {
    ...workflow,
    versions: [...versions, { version, startsByHand: startsByHand === true, calls: (configs ?? []).flatMap(callsOf) }],
  };
}

const keyOf = ({ workflowId, version = 0 }: WorkflowCall): string => `${workflowId} ${version}`;

function isNew(seen: Set<string>, key: string): boolean {
  const known = seen.has(key);
  seen.add(key);
  return !known;
}
