import { ChannelNotFound } from '@sluice/channels-domain';
import type { InputError } from '@sluice/kernel';
import { RegistrationIsInvalid } from '@sluice/webhooks-domain';
import { type Workflow, WorkflowIsArchived, WorkflowNotFound } from '@sluice/workflows-domain';
import type { EntityManager } from 'typeorm';

type Graph = Workflow['draft'];

interface ChannelRow {
  readonly id: string;
  readonly provider: string;
}

/** The draft and the newest version, of a workflow that cannot be archived before the transaction ends. */
export async function graphsOf(manager: EntityManager, tenantId: string, workflowId: string): Promise<Graph[]> {
  const [row]: { status: Workflow['status']; draft: Graph; published: Graph | null }[] = await manager.query(
    `SELECT f.status, f.draft, v.graph AS published
     FROM workflows f LEFT JOIN workflow_versions v ON v.tenant_id = f.tenant_id AND v.workflow_id = f.id AND v.version = f.version
     WHERE f.tenant_id = $1 AND f.id = $2 FOR SHARE OF f`,
    [tenantId, workflowId],
  );
  if (row === undefined) throw new WorkflowNotFound(workflowId);
  if (row.status === 'archived') throw new WorkflowIsArchived(workflowId);
  return row.published === null ? [row.draft] : [row.draft, row.published];
}

/** The channel that was named, or the only one of the provider; it cannot be deleted before the transaction ends. */
export async function channelOf(
  manager: EntityManager,
  tenantId: string,
  provider: string,
  channelId: string | undefined,
): Promise<ChannelRow> {
  const rows: ChannelRow[] = await manager.query(
    `SELECT id, provider FROM channels
     WHERE tenant_id = $1 AND status <> 'deleted' AND CASE WHEN $2::uuid IS NULL THEN provider = $3 ELSE id = $2 END
     ORDER BY id LIMIT 2 FOR SHARE`,
    [tenantId, channelId ?? null, provider],
  );
  const [channel, other] = rows;
  if (channel === undefined && channelId !== undefined) throw new ChannelNotFound(channelId);
  if (channel === undefined || other !== undefined) throw new RegistrationIsInvalid([channelIsUnclear(provider, rows.length)]);
  return channel;
}

const channelIsUnclear = (provider: string, count: number): InputError => ({
  path: 'config.channelId',
  message:
    count === 0 ? `There is no channel of ${provider} yet: connect one first.` : `There are several channels of ${provider}: say which.`,
});
