import { Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@sluice/platform-database';
import { mayTake } from '@sluice/platform-fairness';
import type { Admission } from './admission.js';
import { beginsRuns, emptyWindows, isLight, type Lane, laneOf, readWindows } from './windows.js';

/** Whoever asks something of a copy this old has it read anew. */
const freshMs = 100;
/** A copy this old says nothing: what was a while ago must not hold up the first task of a process that was idle. */
const keptMs = 1_000;

/** Tickets that were let out here. */
class LetOut {
  readonly byTenant = new Map<string, Record<Lane | 'beginnings', number>>();
  readonly total = { steps: 0, calls: 0 };

  of(tenantId: string): Readonly<Record<Lane | 'beginnings', number>> {
    return this.byTenant.get(tenantId) ?? { steps: 0, calls: 0, beginnings: 0 };
  }

  add(tenantId: string, kind: string): void {
    const lane = laneOf(kind);
    const { ...now } = this.of(tenantId);
    now[lane] += 1;
    if (beginsRuns(kind)) now.beginnings += 1;
    this.byTenant.set(tenantId, now);
    this.total[lane] += 1;
  }
}

/**
 * What a process that writes tasks knows of the windows: a copy of what Postgres says, and what it has let out itself since. Several
 * together may let out a little too much; the dispatchers then wait for as long. While nothing is let out nothing is asked.
 */
@Injectable()
export class TicketWindows implements Admission {
  private windows = emptyWindows(1);
  private letOut = new LetOut();
  /** Since the copy that is being read was asked for; undefined: none is */
  private letOutSince: LetOut | undefined;
  private askedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly database: ServiceDatabase) {}

  admit(tenantId: string, kind: string): boolean {
    this.refresh();
    const tenant = this.windows.tenants.get(tenantId);
    const here = this.letOut.of(tenantId);
    if (tenant !== undefined && beginsRuns(kind)) {
      // What came before waits, and goes first.
      if (tenant.waiting.some((group) => beginsRuns(group.kind))) return false;
      if (tenant.mayBegin !== undefined && tenant.mayBegin <= here.beginnings) return false;
    }
    const lane = laneOf(kind);
    const free = this.windows.free[lane] - this.letOut.total[lane];
    if (!mayTake((tenant?.[lane] ?? 0) + here[lane], tenant?.weight ?? 1, free)) return false;
    this.letOut.add(tenantId, kind);
    this.letOutSince?.add(tenantId, kind);
    return true;
  }

  isLight(tenantId: string): boolean {
    return isLight((this.windows.tenants.get(tenantId)?.steps ?? 0) + this.letOut.of(tenantId).steps, this.windows.workers);
  }

  private refresh(): void {
    const now = performance.now();
    if (this.letOutSince !== undefined || now - this.askedAt < freshMs) return;
    if (now - this.askedAt > keptMs) {
      this.windows = emptyWindows(this.windows.workers);
      this.letOut = new LetOut();
    }
    this.askedAt = now;
    const since = (this.letOutSince = new LetOut());
    void this.ask(since);
  }

  private async ask(since: LetOut): Promise<void> {
    try {
      this.windows = await readWindows(this.database.pool, 1);
      this.letOut = since;
    } catch {
      // The database is away, and so is everything that could be let out; the copy stays as it is.
    } finally {
      this.letOutSince = undefined;
    }
  }
}
