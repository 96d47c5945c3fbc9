import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { ChannelDependantsQuery, ChannelDetailQuery, ChannelQuery } from '@sluice/contracts';
import { DomainError } from '@sluice/kernel';
import { type ReadClient, ReadStore } from '@sluice/platform-projections';
import { channelColumns, channelOf, type ChannelRow, channelTables } from './channel-row.js';

export class ChannelNotFound extends DomainError {
  constructor(id: string) {
    super('not_found', 'channel_not_found', `There is no channel ${id}.`);
  }
}

export class GetChannel extends Query<ChannelDetailQuery> {
  constructor(
    readonly tenantId: string,
    readonly channelId: string,
  ) {
    super();
  }
}

@QueryHandler(GetChannel)
export class GetChannelHandler implements IQueryHandler<GetChannel> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, channelId }: GetChannel): Promise<ChannelDetailQuery> {
    return this.store.read(tenantId, async (client) => ({
      ...(await findChannel(client, tenantId, channelId)),
      dependants: await dependantsOf(client, tenantId, channelId),
    }));
  }
}

export async function findChannel(client: ReadClient, tenantId: string, channelId: string): Promise<ChannelQuery> {
  const { rows } = await client.query<ChannelRow>(`SELECT ${channelColumns} FROM ${channelTables} WHERE s.tenant_id = $1 AND s.id = $2`, [
    tenantId,
    channelId,
  ]);
  if (rows[0] === undefined) throw new ChannelNotFound(channelId);
  return channelOf(rows[0]);
}

/** Who would miss this channel. */
async function dependantsOf(client: ReadClient, tenantId: string, channelId: string): Promise<ChannelDependantsQuery> {
  const { rows } = await client.query<{ id: string; name: string; workflow_id: string; workflow_name: string | null }>(
    `SELECT w.id, w.name, w.workflow_id, f.name AS workflow_name
     FROM webhook_summary w LEFT JOIN workflow_summary f ON f.tenant_id = w.tenant_id AND f.id = w.workflow_id
     WHERE w.tenant_id = $1 AND w.channel_id = $2 AND w.status = 'active' ORDER BY w.created_at, w.id`,
    [tenantId, channelId],
  );
  const workflows = new Map(rows.map(({ workflow_id: id, workflow_name: name }) => [id, { id, name: name ?? '' }]));
  return { webhooks: rows.map(({ id, name }) => ({ id, name })), workflows: [...workflows.values()] };
}
