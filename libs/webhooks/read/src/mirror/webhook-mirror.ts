import { setTimeout as sleep } from 'node:timers/promises';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import type { LogDatabase, ProjectionDatabase } from '@sluice/platform-database';
import { type LoggedEvent, readLog } from '@sluice/platform-event-log';
import { type MirroredWebhook, type SupabaseProject, SupabaseUnavailable } from '@sluice/platform-supabase';
import type { Logger } from '@sluice/platform-telemetry';
import type { WebhookEvent, WebhookHeld, WebhookReceived } from '@sluice/webhooks-domain';
import { Counter, Gauge } from 'prom-client';

const pollMs = 1_000;
const backoffMsMax = 60_000;
const eventsMax = 1_000;
const rowsMax = 100;
const bytesMax = 1024 * 1024;

const lagSeconds = new Gauge({
  name: 'sluice_webhook_mirror_lag_seconds',
  help: 'Age of the oldest accepted event that is not mirrored to Supabase',
});
const mirroredTotal = new Counter({ name: 'sluice_webhook_mirror_events_total', help: 'Accepted events mirrored to Supabase' });
const refusedTotal = new Counter({
  name: 'sluice_webhook_mirror_refused_total',
  help: 'Accepted events that Supabase would not take, and that are left out of the mirror',
});

type Accepted = LoggedEvent & (WebhookReceived | WebhookHeld);

const accepted: ReadonlySet<string> = new Set<WebhookEvent['type']>(['webhook.received', 'webhook.held']);
const isAccepted = (event: LoggedEvent): event is Accepted => accepted.has(event.type);

const rowOf = ({ tenantId, correlationId, payload: { event } }: Accepted): MirroredWebhook => ({
  id: event.id,
  tenant_id: tenantId,
  channel_id: event.channelId,
  provider: event.provider,
  kind: event.kind,
  action: event.action,
  customer_id: event.customerId,
  direction: event.direction,
  item: event,
  correlation_id: correlationId,
  occurred_at: event.occurredAt,
  received_at: event.receivedAt,
});

/**
 * Copies accepted events from the log to the project's table `webhooks`, from the moment on at which it is first switched on: each at least once,
 * under its own id. Nothing waits for it; while Supabase is away it falls behind, and catches up. What Supabase will never take is left out, counted and logged.
 */
export class WebhookMirror implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly ended = new AbortController();
  private running: Promise<void> | undefined;

  constructor(
    private readonly log: LogDatabase,
    private readonly store: ProjectionDatabase,
    private readonly project: SupabaseProject,
    private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.running = this.run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.ended.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    let failures = 0;
    while (!this.ended.signal.aborted) {
      let pauseMs = pollMs;
      try {
        if (await this.advance()) pauseMs = 0;
        failures = 0;
      } catch (error) {
        failures += 1;
        pauseMs = Math.min(backoffMsMax, 250 * 2 ** failures) * (0.5 + Math.random() / 2);
        const reason = error instanceof Error ? error.message : String(error);
        this.logger.warn({ reason, attempt: failures, delayMs: Math.round(pauseMs) }, 'mirroring events failed: trying again');
      }
      if (pauseMs > 0) await sleep(pauseMs, undefined, { signal: this.ended.signal }).catch(() => {});
    }
  }

  /** One batch. False: there is nothing to do. */
  private async advance(): Promise<boolean> {
    const from = await this.position();
    const events = await readLog(this.log.pool, from, { eventsMax });
    const last = events.at(-1);
    if (last === undefined) {
      lagSeconds.set(0);
      return false;
    }
    const fresh = events.filter(isAccepted);
    const [oldest] = fresh;
    if (oldest !== undefined) lagSeconds.set(Math.max(0, (Date.now() - Date.parse(oldest.timestamp)) / 1_000));
    for (const rows of inRequests(fresh.map(rowOf))) await this.write(rows);
    // Another mirror may have been here first; what it wrote is the same.
    await this.store.pool.query('UPDATE webhook_mirror SET position = $2, updated_at = now() WHERE position = $1', [from, last.position]);
    return true;
  }

  private async position(): Promise<number> {
    const { rows } = await this.store.pool.query<{ position: number | null }>('SELECT position FROM webhook_mirror');
    const position = rows[0]?.position ?? undefined;
    if (position !== undefined) return position;
    const { rows: heads } = await this.log.pool.query<{ last: number }>('SELECT last FROM event_head');
    const head = heads[0]?.last ?? 0;
    await this.store.pool.query('UPDATE webhook_mirror SET position = $1 WHERE position IS NULL', [head]);
    return head;
  }

  /** Halves what is refused until the rows that are to blame are alone. */
  private async write(rows: readonly MirroredWebhook[]): Promise<void> {
    try {
      await this.project.ask((client) => client.from('webhooks').upsert([...rows], { onConflict: 'id' }));
      mirroredTotal.inc(rows.length);
    } catch (error) {
      if (!(error instanceof SupabaseUnavailable) || !error.isForTheData) throw error;
      const [only] = rows;
      if (rows.length === 1 && only !== undefined) {
        refusedTotal.inc();
        this.logger.error({ reason: error.message, eventId: only.id, tenantId: only.tenant_id }, 'an event is left out of the mirror');
        return;
      }
      const half = Math.ceil(rows.length / 2);
      await this.write(rows.slice(0, half));
      await this.write(rows.slice(half));
    }
  }
}

/** So many rows, and about so many bytes, a request. */
function inRequests(rows: readonly MirroredWebhook[]): readonly (readonly MirroredWebhook[])[] {
  const requests: MirroredWebhook[][] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = JSON.stringify(row.item).length;
    const last = requests.at(-1);
    if (last === undefined || last.length >= rowsMax || bytes + size > bytesMax) {
      requests.push([row]);
      bytes = size;
    } else {
      last.push(row);
      bytes += size;
    }
  }
  return requests;
}
