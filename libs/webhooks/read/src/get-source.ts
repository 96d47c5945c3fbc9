import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { findChannel } from '@sluice/channels-read';
import type { SourceQuery } from '@sluice/contracts';
import { ReadStore, selectList } from '@sluice/platform-projections';
import { source, type SourceRow } from './source.projection.js';

/** Of a channel; or, by its id, of a provider app. */
export class GetSource extends Query<SourceQuery> {
  constructor(
    readonly tenantId: string,
    readonly sourceId: string,
  ) {
    super();
  }
}

@QueryHandler(GetSource)
export class GetSourceHandler implements IQueryHandler<GetSource> {
  constructor(private readonly store: ReadStore) {}

  execute({ tenantId, sourceId }: GetSource): Promise<SourceQuery> {
    return this.store.read(tenantId, async (client) => {
      const { rows } = await client.query<SourceRow>(
        `SELECT ${selectList(source, 's')} FROM source s WHERE s.tenant_id = $1 AND s.source_id = $2`,
        [tenantId, sourceId],
      );
      const [row] = rows;
      // Nothing came to it yet: then it must be there.
      if (row === undefined) return answerOf(unheard((await findChannel(client, tenantId, sourceId)).id));
      return answerOf(row);
    });
  }
}

const unheard = (sourceId: string): Omit<SourceRow, 'tenantId'> => ({
  sourceId,
  acceptedCalls: 0,
  events: { accepted: 0, ignored: 0, duplicate: 0, conflicting: 0 },
  rejected: {},
  lastAcceptedAt: null,
  lastRejectedAt: null,
  lastRejection: null,
  usualGapMs: null,
  silentSince: null,
  failingSince: null,
  alerts: [],
  conflicts: [],
  updatedAt: new Date(0).toISOString(),
});

function answerOf({ sourceId: id, acceptedCalls, rejected, silentSince, failingSince, ...row }: Omit<SourceRow, 'tenantId'>): SourceQuery {
  const { events, lastAcceptedAt, lastRejectedAt, lastRejection, usualGapMs, alerts, conflicts, updatedAt } = row;
  const refused = Object.values(rejected).reduce((all, calls) => all + calls, 0);
  return {
    id,
    status: failingSince !== null ? 'failing' : silentSince !== null ? 'silent' : 'ok',
    calls: { received: acceptedCalls + refused, accepted: acceptedCalls, rejected },
    events,
    lastAcceptedAt,
    lastRejectedAt,
    lastRejection,
    usualGapMs,
    silentSince,
    failingSince,
    alerts,
    conflicts,
    updatedAt,
  };
}
