import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { ReplayQuery } from '@sluice/contracts';
import { ReadStore, selectList } from '@sluice/platform-projections';
import { ReplayNotFound } from '@sluice/webhooks-domain';
import { replay, type ReplayRow } from './replay.projection.js';

export class GetReplay extends Query<ReplayQuery> {
  constructor(
    readonly tenantId: string,
    readonly replayId: string,
  ) {
    super();
  }
}

@QueryHandler(GetReplay)
export class GetReplayHandler implements IQueryHandler<GetReplay> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, replayId }: GetReplay): Promise<ReplayQuery> {
    return this.store.read(tenantId, async (client) => {
      const { rows } = await client.query<ReplayRow>(
        `SELECT ${selectList(replay, 'r')} FROM replay r WHERE r.tenant_id = $1 AND r.id = $2`,
        [tenantId, replayId],
      );
      if (rows[0] === undefined) throw new ReplayNotFound(replayId);
      return replayOf(rows[0]);
    });
  }
}

export function replayOf({ tenantId: _, request, total, done, failed, endedBy, ...row }: ReplayRow): ReplayQuery {
  return { ...row, ...request, events: { total, done, failed }, ...(endedBy !== null && { endedBy }) };
}
