import type { ChannelDisconnected, ProviderAppDeleted } from '@sluice/channels-domain';
import type { Logged, Projection, TenantRow } from '@sluice/platform-projections';
import type { Figures, SourceEvent } from '@sluice/webhooks-domain';

type Alert = Exclude<SourceEvent, { type: 'webhook.source.figures' | 'webhook.source.conflicted' }>;

export interface SourceAlert {
  readonly type: 'silent' | 'signature_failures' | 'recovered';
  readonly at: string;
  readonly details: Omit<Alert['payload'], 'sourceId'>;
}

export interface SourceConflict {
  readonly at: string;
  readonly eventId: string;
  readonly deliveryId: string;
  readonly dedupeKey: string;
  readonly differs: readonly string[];
}

export interface SourceRow
  extends TenantRow, Pick<Figures, 'acceptedCalls' | 'events' | 'rejected' | 'lastAcceptedAt' | 'lastRejectedAt' | 'lastRejection'> {
  readonly sourceId: string;
  readonly usualGapMs: number | null;
  readonly silentSince: string | null;
  readonly failingSince: string | null;
  readonly alerts: readonly SourceAlert[];
  readonly conflicts: readonly SourceConflict[];
  readonly updatedAt: string;
}

const shownMax = 20;

const blank: Omit<SourceRow, 'tenantId' | 'sourceId' | 'updatedAt'> = {
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
};

/** Where nothing was known yet, the whole row. */
const changed = ({ timestamp: updatedAt }: Logged<SourceEvent>, row: SourceRow | undefined, change: Partial<SourceRow>) => ({
  ...(row === undefined ? blank : {}),
  ...change,
  updatedAt,
});

function alerted(event: Logged<Alert>, row: SourceRow | undefined, change: Partial<SourceRow>) {
  const { sourceId: _, ...details } = event.payload;
  const alert: SourceAlert = { type: event.type.slice('webhook.source.'.length) as SourceAlert['type'], at: event.timestamp, details };
  return changed(event, row, { ...change, alerts: [alert, ...(row?.alerts ?? [])].slice(0, shownMax) });
}

/** What is deleted is neither silent nor failing any more; what was told of it stays. */
const calmed = (row: SourceRow | undefined) => (row === undefined ? undefined : { silentSince: null, failingSince: null });

/** What came to a channel or provider app; whether it is as usual. */
export const source: Projection<SourceEvent | ChannelDisconnected | ProviderAppDeleted, SourceRow, 'sourceId'> = {
  table: 'source',
  key: ['sourceId'],
  columns: {
    tenantId: 'uuid',
    sourceId: 'uuid',
    acceptedCalls: 'bigint',
    events: 'jsonb',
    rejected: 'jsonb',
    lastAcceptedAt: 'timestamptz',
    lastRejectedAt: 'timestamptz',
    lastRejection: 'text',
    usualGapMs: 'bigint',
    silentSince: 'timestamptz',
    failingSince: 'timestamptz',
    alerts: 'jsonb',
    conflicts: 'jsonb',
    updatedAt: 'timestamptz',
  },
  keys: ({ aggregateId, payload }) => [{ sourceId: 'sourceId' in payload ? payload.sourceId : aggregateId }],
  on: {
    'webhook.source.figures': (event, row) => {
      const { sourceId: _, ...figures } = event.payload;
      return changed(event, row, figures);
    },
    'webhook.source.silent': (event, row) => alerted(event, row, { silentSince: event.timestamp }),
    'webhook.source.signature_failures': (event, row) => alerted(event, row, { failingSince: event.timestamp }),
    'webhook.source.recovered': (event, row) =>
      alerted(event, row, event.payload.from === 'silent' ? { silentSince: null } : { failingSince: null }),
    'webhook.source.conflicted': (event, row) => {
      const { sourceId: _, ...conflict } = event.payload;
      return changed(event, row, { conflicts: [{ at: event.timestamp, ...conflict }, ...(row?.conflicts ?? [])].slice(0, shownMax) });
    },
    'channel.disconnected': ({ payload: { reason } }, row) => (reason === 'deleted' ? calmed(row) : undefined),
    'provider_app.deleted': (_, row) => calmed(row),
  },
};
