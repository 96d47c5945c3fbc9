import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { ChannelNotFound } from '@sluice/channels-domain';
import { DomainError, newId } from '@sluice/kernel';
import { storeClock } from '@sluice/platform-database';
import { type CommandTransaction, CommandStore } from '@sluice/platform-event-log';
import { currentCorrelation } from '@sluice/platform-telemetry';
import { evolveReplay, type ReplayFilter, type ReplayRequest, startReplay, unstartedReplay } from '@sluice/webhooks-domain';
import { WorkflowNotFound } from '@sluice/workflows-domain';
import { cursorBefore, eventsOfReplay, valuesOfReplay } from './replay.table.js';

export class WebhookEventNotFound extends DomainError {
  constructor(id: string) {
    super('not_found', 'webhook_event_not_found', `There is no webhook event ${id}.`);
  }
}

export class EventIsNotReplayable extends DomainError {
  constructor(id: string, status: string) {
    const why = status === 'held' ? 'is held and starts its workflows when its channel is released' : `is ${status} and starts nothing`;
    super('conflict', 'event_not_replayable', `The event ${id} ${why}.`);
  }
}

export class PeriodIsEmpty extends DomainError {
  constructor() {
    const message = 'filter.dateTo must be later than filter.dateFrom';
    super('malformed', 'input_is_invalid', message, { errors: [{ path: 'filter.dateTo', message }] });
  }
}

/** What is to be replayed: a part of what came to a channel, or one event. */
export type Asked = ReplayRequest | (Omit<ReplayRequest, 'filter' | 'ratePerSecond'> & { readonly eventId: string });

/** `count`: it was only asked how many there are. */
export type ReplayAnswer = { readonly replayId: string } | { readonly count: number };

export class StartReplay extends Command<ReplayAnswer> {
  constructor(
    readonly tenantId: string,
    readonly asked: Asked,
    readonly by: string,
    readonly mode: 'do' | 'count' = 'do',
  ) {
    super();
  }
}

/** Promises a replay: its events are handed on by the workers' sweeps. What comes after now is not part of it. */
@CommandHandler(StartReplay)
export class StartReplayHandler implements ICommandHandler<StartReplay> {
  constructor(private readonly store: CommandStore) {}

  execute({ tenantId, asked, by, mode }: StartReplay): Promise<ReplayAnswer> {
    return this.store.transaction(tenantId, async (tx) => {
      const request = 'eventId' in asked ? await requestForOne(tx, tenantId, asked) : untilNow(asked);
      await requireChannel(tx, tenantId, request.filter.channelId);
      await requireWorkflows(tx, tenantId, request.workflowIds ?? []);
      const { filter } = request;
      const bounds = {
        tenant_id: tenantId,
        channel_id: filter.channelId,
        event_id: filter.eventId ?? null,
        kinds: filter.kinds === undefined ? null : [...filter.kinds],
        action: filter.action ?? null,
        event_status: filter.status ?? null,
        customer_id: filter.customerId ?? null,
        date_from: new Date(filter.dateFrom),
        date_to: new Date(filter.dateTo),
        cursor: cursorBefore(new Date(filter.dateFrom)),
      };
      const [found]: { count: number }[] = await tx.manager.query(
        `SELECT count(*)::int AS count FROM webhook_events w WHERE ${eventsOfReplay}`,
        valuesOfReplay(bounds),
      );
      const count = found?.count ?? 0;
      if (mode === 'count') return { count };

      const blank = unstartedReplay(newId());
      const events = startReplay(blank, request, count, by);
      const replay = events.reduce(evolveReplay, blank);
      await tx.manager.query(
        `INSERT INTO replays (tenant_id, id, name, channel_id, event_id, kinds, action, event_status, customer_id, date_from, date_to, cursor,
                              version, workflow_ids, rate_per_second, reason, created_by, status, correlation_id, stream_version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`,
        [
          tenantId,
          replay.id,
          request.name,
          bounds.channel_id,
          bounds.event_id,
          bounds.kinds,
          bounds.action,
          bounds.event_status,
          bounds.customer_id,
          bounds.date_from,
          bounds.date_to,
          bounds.cursor,
          request.version,
          request.workflowIds ?? null,
          request.ratePerSecond,
          request.reason,
          by,
          replay.status,
          currentCorrelation()?.correlationId ?? newId(),
          replay.streamVersion,
        ],
      );
      tx.append(events, blank.streamVersion);
      return { replayId: replay.id };
    });
  }
}

function untilNow(request: ReplayRequest): ReplayRequest {
  const { dateFrom, dateTo } = request.filter;
  const until = new Date(Math.min(Date.parse(dateTo), storeClock.now().getTime()));
  if (Date.parse(dateFrom) >= Date.parse(dateTo)) throw new PeriodIsEmpty();
  const filter: ReplayFilter = { ...request.filter, dateFrom: new Date(dateFrom).toISOString(), dateTo: until.toISOString() };
  return { ...request, filter };
}

async function requestForOne(
  { manager }: CommandTransaction,
  tenantId: string,
  { eventId, ...request }: Extract<Asked, { readonly eventId: string }>,
): Promise<ReplayRequest> {
  const [event]: { channel_id: string; status: string; received_at: Date }[] = await manager.query(
    'SELECT channel_id, status, received_at FROM webhook_events WHERE tenant_id = $1 AND id = $2',
    [tenantId, eventId],
  );
  if (event === undefined) throw new WebhookEventNotFound(eventId);
  if (event.status === 'ignored' || event.status === 'held') throw new EventIsNotReplayable(eventId, event.status);
  const dateFrom = event.received_at.toISOString();
  // The receipt is kept to the microsecond.
  const dateTo = new Date(event.received_at.getTime() + 1).toISOString();
  return { ...request, filter: { channelId: event.channel_id, eventId, dateFrom, dateTo }, ratePerSecond: 1 };
}

async function requireChannel({ manager }: CommandTransaction, tenantId: string, channelId: string): Promise<void> {
  const rows: unknown[] = await manager.query(`SELECT FROM channels WHERE tenant_id = $1 AND id = $2 AND status <> 'deleted'`, [
    tenantId,
    channelId,
  ]);
  if (rows.length === 0) throw new ChannelNotFound(channelId);
}

async function requireWorkflows({ manager }: CommandTransaction, tenantId: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const missing: { id: string }[] = await manager.query(
    `SELECT k.id FROM unnest($2::uuid[]) AS k(id) WHERE NOT EXISTS (SELECT FROM workflows f WHERE f.tenant_id = $1 AND f.id = k.id) LIMIT 1`,
    [tenantId, ids],
  );
  if (missing[0] !== undefined) throw new WorkflowNotFound(missing[0].id);
}
