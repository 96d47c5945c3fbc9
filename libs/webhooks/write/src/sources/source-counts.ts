import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { ServiceDatabase, storeClock } from '@sluice/platform-database';
import { LOGGER, type Logger } from '@sluice/platform-telemetry';
import type { Counted, EventCounts } from '@sluice/webhooks-domain';
import type { AcceptedDelivery } from '../ingest/accept-delivery.js';
import type { Source } from '../ingest/channel-directory.js';
import { type Duplicate, type SourceCount, writeFigures } from './write-figures.js';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
interface Counting extends Mutable<Omit<Counted, 'events' | 'rejected'>> {
  readonly events: Mutable<EventCounts>;
  readonly rejected: Record<string, number>;
}

const everyMs = 10_000;
/** Sources of one process between two writings; what comes to others meanwhile is not counted. Only those that exist are. */
const sourcesMax = 5_000;
/** Written in one transaction */
const batchMax = 200;
/** Of the duplicates of ten seconds so many are compared with what was kept. */
const duplicatesMax = 500;

/**
 * What comes to each source, in the memory of this process: a call costs no query, and whoever sends nonsense fills nothing. Written every
 * ten seconds; of a process that is killed the last ten seconds are not counted.
 */
@Injectable()
export class SourceCounts implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private counts = new Map<string, { readonly tenantId: string; readonly counting: Counting }>();
  private duplicates: Duplicate[] = [];
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: ServiceDatabase,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.write(), everyMs).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.write();
  }

  /** A call was refused, by whoever it was. */
  refused({ tenantId, id }: Source, reason: string): void {
    const counting = this.countingOf(tenantId, id);
    if (counting === undefined) return;
    counting.rejected[reason] = (counting.rejected[reason] ?? 0) + 1;
    counting.lastRejectedAt = storeClock.now().toISOString();
    counting.lastRejection = reason;
  }

  /** A call was recorded; `fresh`: those of its events that were not there before. Tests are not counted. */
  accepted({ tenantId, id }: Source, delivery: AcceptedDelivery, fresh: ReadonlySet<string>): void {
    if (delivery.events.some(({ item }) => item.test === true)) return;
    const at = storeClock.now().toISOString();
    for (const sourceId of new Set([id, ...delivery.events.map(({ channelId }) => channelId)])) {
      const counting = this.countingOf(tenantId, sourceId);
      if (counting === undefined) continue;
      counting.acceptedCalls += 1;
      counting.firstAcceptedAt ??= at;
      counting.lastAcceptedAt = at;
    }
    for (const { id: eventId, channelId, canonical, ignoredBecause, item } of delivery.events) {
      const events = this.countingOf(tenantId, channelId)?.events;
      const became = !fresh.has(eventId) ? 'duplicate' : ignoredBecause === undefined ? 'accepted' : 'ignored';
      if (events !== undefined) events[became] += 1;
      if (became !== 'duplicate' || this.duplicates.length >= duplicatesMax) continue;
      const { dedupeKey } = canonical;
      this.duplicates.push({ tenantId, channelId, dedupeKey, deliveryId: delivery.id, item: JSON.parse(JSON.stringify(item)) });
    }
  }

  /** One writing after the other. What could not be written is lost: these are figures, and a database that is away has other worries. */
  write(): Promise<void> {
    const before = this.writing;
    this.writing = (async () => {
      await before;
      await this.writeAll();
    })().catch((error: unknown) => {
      this.logger.warn({ reason: error instanceof Error ? error.message : String(error) }, 'figures of sources not written');
    });
    return this.writing;
  }

  private async writeAll(): Promise<void> {
    const [counts, duplicates] = [[...this.counts], this.duplicates];
    this.counts = new Map();
    this.duplicates = [];
    const all = counts.map(([sourceId, { tenantId, counting }]): SourceCount => ({ tenantId, sourceId, counted: counting }));
    for (let first = 0; first < all.length; first += batchMax) {
      const batch = all.slice(first, first + batchMax);
      const ids = new Set(batch.map(({ sourceId }) => sourceId));
      await writeFigures(
        this.database,
        batch,
        duplicates.filter(({ channelId }) => ids.has(channelId)),
      );
    }
  }

  private countingOf(tenantId: string, sourceId: string): Counting | undefined {
    const known = this.counts.get(sourceId);
    if (known !== undefined) return known.counting;
    if (this.counts.size >= sourcesMax) return undefined;
    const counting: Counting = {
      acceptedCalls: 0,
      firstAcceptedAt: null,
      lastAcceptedAt: null,
      events: { accepted: 0, ignored: 0, duplicate: 0, conflicting: 0 },
      rejected: {},
      lastRejectedAt: null,
      lastRejection: null,
    };
    this.counts.set(sourceId, { tenantId, counting });
    return counting;
  }
}
