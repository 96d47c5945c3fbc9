import { type PublishedVersion, RevisionIsStale, type Workflow, WorkflowNotFound, type WorkflowEvent } from '@sluice/workflows-domain';
import { type EntityManager, EntitySchema } from 'typeorm';

export const workflowTable = new EntitySchema<Workflow>({
  name: 'workflows',
  columns: {
    tenantId: { type: 'uuid', name: 'tenant_id', primary: true },
    id: { type: 'uuid', primary: true },
    name: { type: 'text' },
    description: { type: 'text', nullable: true },
    status: { type: 'text' },
    revision: { type: 'int' },
    draft: { type: 'jsonb' },
    version: { type: 'int' },
    publishedRevision: { type: 'int', name: 'published_revision' },
    tags: { type: 'text', array: true },
    settings: { type: 'jsonb' },
    createdBy: { type: 'text', name: 'created_by' },
    streamVersion: { type: 'bigint', name: 'stream_version' },
  },
});

export async function findWorkflow(manager: EntityManager, tenantId: string, id: string): Promise<Workflow> {
  const workflow = await manager.findOne(workflowTable, { where: { tenantId, id } });
  if (workflow === null) throw new WorkflowNotFound(id);
  return workflow;
}

/** Held until the transaction ends. `ifMatch`: the revision that the caller has seen. */
export async function lockWorkflow(manager: EntityManager, tenantId: string, id: string, ifMatch?: number): Promise<Workflow> {
  const workflow = await manager.findOne(workflowTable, { where: { tenantId, id }, lock: { mode: 'pessimistic_write' } });
  if (workflow === null) throw new WorkflowNotFound(id);
  if (ifMatch !== undefined && ifMatch !== workflow.revision) throw new RevisionIsStale(ifMatch, workflow.revision);
  return workflow;
}

/** Inserts or updates: rows are as events leave them. */
export async function saveWorkflow(manager: EntityManager, workflow: Workflow): Promise<void> {
  await manager.query(
    `INSERT INTO workflows (tenant_id, id, name, description, status, revision, draft, version, published_revision, tags, settings,
                            created_by, stream_version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
     ON CONFLICT (tenant_id, id) DO UPDATE SET
       name = excluded.name, description = excluded.description, status = excluded.status, revision = excluded.revision,
       draft = excluded.draft, version = excluded.version, published_revision = excluded.published_revision, tags = excluded.tags, settings = excluded.settings,
       stream_version = excluded.stream_version, updated_at = now()`,
    [
      workflow.tenantId,
      workflow.id,
      workflow.name,
      workflow.description,
      workflow.status,
      workflow.revision,
      JSON.stringify(workflow.draft),
      workflow.version,
      workflow.publishedRevision,
      workflow.tags,
      JSON.stringify(workflow.settings),
      workflow.createdBy,
      workflow.streamVersion,
    ],
  );
}

/** What runs follow; never changed (Promise 3). */
export async function insertVersions(manager: EntityManager, tenantId: string, events: readonly WorkflowEvent[]): Promise<void> {
  for (const { type, aggregateId, payload } of events) {
    if (type !== 'workflow.published' && type !== 'workflow.rolled_back') continue;
    await manager.query(
      `INSERT INTO workflow_versions (tenant_id, id, workflow_id, version, graph, settings, published_by)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [
        tenantId,
        payload.versionId,
        aggregateId,
        payload.version,
        JSON.stringify(payload.graph),
        JSON.stringify(payload.settings),
        payload.by,
      ],
    );
  }
}

/** Those of `versions` that the workflow has, by number. */
export async function findVersions(
  manager: EntityManager,
  { tenantId, id }: Workflow,
  versions: readonly number[],
): Promise<ReadonlyMap<number, PublishedVersion>> {
  const rows: PublishedVersion[] = await manager.query(
    'SELECT version, graph, settings FROM workflow_versions WHERE tenant_id = $1 AND workflow_id = $2 AND version = ANY ($3)',
    [tenantId, id, versions],
  );
  return new Map(rows.map((row) => [row.version, row]));
}
