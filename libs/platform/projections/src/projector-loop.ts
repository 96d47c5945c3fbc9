import { Inject, Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { LogDatabase, ProjectionDatabase } from '@sluice/platform-database';
import { EventIsTooNew, LogIsBroken, readLog } from '@sluice/platform-event-log';
import { failpoint } from '@sluice/platform-failpoints';
import { Notifications, PROJECTION_ADVANCED } from '@sluice/platform-notifications';
import type { Logger } from '@sluice/platform-telemetry';
import { advancedKeys } from './advanced-keys.js';
import { copyBlobs } from './copy-blobs.js';
import { projectBatch, SHARD } from './project-batch.js';
import type { AnyProjection } from './projection.js';
import { lagSeconds, parkedTotal, projectedPosition, projectedTotal, stopped } from './projector-metrics.js';

export interface ProjectorOptions {
  readonly projections: readonly AnyProjection[];
  /** The newest schema of events that these read. Default: this version's */
  readonly schemaVersion?: number;
  readonly logger: Logger;
}

export const PROJECTOR_OPTIONS = Symbol('ProjectorOptions');

const pollMs = 1_000;
const backoffMsMax = 5_000;
const failingMsMax = 10_000;
/** A batch ends, or fails by its statements' time limit, long before. */
const stillMsMax = 60_000;
const behindMsMax = 60_000;
/** In a batch, while none fails: half as many after each that does, a sixteenth of these more after each that does not */
const eventsMost = 4_000;

/**
 * Follows the log and keeps the read models. Wakes by a hint, and every second without one; while it is behind it goes on without
 * pause. It reads from the position it remembers and proves that position under the checkpoint's lock, so an idle loop locks nothing. One
 * that finds the position moved stands by for a second, whatever it hears: another projector is at work, and would be only once more.
 * A broken log stops it for good: skipping would lose events for ever; so does an event of a newer version, which it would misread. Anything
 * else is tried again, with growing pauses.
 */
@Injectable()
export class ProjectorLoop implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private running: Promise<void> | undefined;
  private stopping = false;
  private woken = false;
  private standingBy = false;
  private rouse: () => void = () => {};
  private position: number | undefined;
  private turnedAt = performance.now();
  private eventsMax = eventsMost;
  private broken: LogIsBroken | EventIsTooNew | undefined;
  private failure: { readonly since: number; readonly count: number } | undefined;
  /** When the oldest event that is not yet projected happened, as far as the loop knows */
  private behindSince: number | undefined;

  constructor(
    private readonly log: LogDatabase,
    private readonly store: ProjectionDatabase,
    private readonly notifications: Notifications,
    @Inject(PROJECTOR_OPTIONS) private readonly options: ProjectorOptions,
  ) {}

  onApplicationBootstrap(): void {
    this.running = this.run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.stop();
  }

  /** Somebody has appended. Also heard in the middle of a batch. */
  wake(): void {
    this.woken = true;
    if (!this.standingBy) this.rouse();
  }

  /** Lets the batch in hand commit; then the loop is over. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.rouse();
    await this.running;
  }

  /** Rejects, in a sentence, when the read models no longer follow the log; a sentence when they are far behind it. */
  async assertReady(): Promise<string | undefined> {
    if (this.broken !== undefined) throw new Error(`the projector has stopped: ${this.broken.message}`);
    const failingMs = this.failure === undefined ? 0 : Date.now() - this.failure.since;
    if (failingMs > failingMsMax) throw new Error(`the projector has not got on for ${Math.round(failingMs / 1_000)} s`);
    const stillMs = performance.now() - this.turnedAt;
    if (stillMs > stillMsMax) throw new Error(`the projector's loop has not turned for ${Math.round(stillMs / 1_000)} s`);
    const behindMs = this.behindSince === undefined ? 0 : Date.now() - this.behindSince;
    return behindMs > behindMsMax ? `the read models are ${Math.round(behindMs / 1_000)} s behind the log` : undefined;
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      this.woken = false;
      this.turnedAt = performance.now();
      try {
        const advanced = await this.advance();
        this.failure = undefined;
        this.eventsMax = Math.min(eventsMost, this.eventsMax + eventsMost / 16);
        this.showLag();
        if (this.standingBy || (!advanced && !this.woken)) await this.pause(pollMs);
        this.standingBy = false;
      } catch (error) {
        if (error instanceof LogIsBroken || error instanceof EventIsTooNew) {
          this.broken = error;
          stopped.set(1);
          this.options.logger.fatal({ err: error, position: this.position }, 'the log cannot be read on: the projector has stopped');
          return;
        }
        const count = (this.failure?.count ?? 0) + 1;
        this.failure = { since: this.failure?.since ?? Date.now(), count };
        // Whatever it was: a statement that takes too long for its size looks like an outage.
        this.eventsMax = Math.ceil(this.eventsMax / 2);
        this.showLag();
        const delayMs = Math.min(backoffMsMax, 100 * 2 ** count) * (0.5 + Math.random() / 2);
        this.options.logger.warn({ err: error, attempt: count, delayMs: Math.round(delayMs) }, 'projecting failed: trying again');
        await this.pause(delayMs);
      }
    }
  }

  /** One batch. False: there is nothing to do. */
  private async advance(): Promise<boolean> {
    this.position ??= await this.checkpoint();
    const from = this.position;
    const events = await readLog(this.log.pool, from, { eventsMax: this.eventsMax, schemaVersion: this.options.schemaVersion });
    const [oldest] = events;
    if (oldest === undefined) {
      await this.assertLogReaches(from);
      this.behindSince = undefined;
      return false;
    }
    this.behindSince = Date.parse(oldest.timestamp);
    this.showLag();

    await copyBlobs(this.log, this.store, events);
    const result = await projectBatch(this.store, { projections: this.options.projections, from, events });
    await failpoint('prj.after_commit');
    projectedPosition.set(result.position);
    if (result.position !== events.at(-1)?.position) {
      this.position = undefined;
      this.standingBy = true;
      return false;
    }

    this.position = result.position;
    projectedTotal.inc(events.length);
    for (const failure of result.parked) {
      parkedTotal.inc({ projection: failure.projection });
      this.options.logger.error({ ...failure }, 'a projection could not take an event: its aggregate is parked');
    }
    this.notifications.emit(PROJECTION_ADVANCED, { shard: SHARD, position: result.position, keys: advancedKeys(result.changed) });
    return true;
  }

  private showLag(): void {
    const since = this.behindSince ?? this.failure?.since;
    lagSeconds.set(since === undefined ? 0 : Math.max(0, (Date.now() - since) / 1_000));
  }

  private async checkpoint(): Promise<number> {
    const { rows } = await this.store.pool.query<{ position: number }>('SELECT position FROM projection_checkpoints WHERE shard = $1', [
      SHARD,
    ]);
    if (rows[0] === undefined) throw new Error(`the query store has no checkpoint "${SHARD}"; run \`npm run migrate\``);
    return rows[0].position;
  }

  /** A log that ends before the checkpoint is another log: a command store that was restored without its query store, say. */
  private async assertLogReaches(position: number): Promise<void> {
    const { rows } = await this.log.pool.query<{ last: number }>('SELECT last FROM event_head');
    const head = rows[0]?.last ?? 0;
    if (head < position) throw new LogIsBroken(`the log ends at ${head}, before the checkpoint ${position}`);
  }

  private async pause(delayMs: number): Promise<void> {
    if (this.stopping) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.rouse = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.rouse = () => {};
  }
}
