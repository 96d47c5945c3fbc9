import { Injectable } from '@nestjs/common';
import { newId } from '@sluice/kernel';
import { ServiceDatabase } from '@sluice/platform-database';
import { claimLines, claimTasks, type Line, releaseTasks, type Task } from './tasks.js';

export const leaseMs = 30_000;

export interface Lease {
  readonly task: Task;
  /** Aborted when the lease is lost: no further call may leave this process for it. */
  readonly signal: AbortSignal;
  /** By this process's monotonic clock, which goes on while it stands still: nobody else can have the task yet (F-22). */
  isHeld(): boolean;
  end(): void;
}

/** The leases of this worker: taken before an effect or a suspicious task, renewed every third of their time, given back as it stops. */
@Injectable()
export class Leases {
  /** Names this process in `tasks.lease_owner` and `workers`. */
  readonly owner = newId();
  private readonly held = new Map<string, { readonly task: Task; readonly abort: AbortController; until: number }>();
  private readonly heartbeat: NodeJS.Timeout;

  constructor(private readonly database: ServiceDatabase) {
    this.heartbeat = setInterval(() => void this.renew(), leaseMs / 3).unref();
  }

  /** `ended`: called once for each task, when its lease ends, or now if somebody else has it. */
  async take(tasks: readonly Task[], ended: (task: Task) => void = () => {}): Promise<Lease[]> {
    const until = performance.now() + leaseMs;
    const claimed = await claimTasks(this.database.pool, tasks, this.owner, leaseMs);
    const ours = new Set(claimed.map(({ id }) => id));
    for (const task of tasks) if (!ours.has(task.id)) ended(task);
    return this.leasesOf(claimed, until, ended);
  }

  /** As many of each line's first as can be had, in order; `alone`: the first, whichever it is. */
  async takeLines(lines: readonly Line[], alone: boolean): Promise<Lease[]> {
    const until = performance.now() + leaseMs;
    return this.leasesOf(await claimLines(this.database.pool, lines, alone, this.owner, leaseMs), until);
  }

  private leasesOf(claimed: readonly Task[], until: number, ended: (task: Task) => void = () => {}): Lease[] {
    return claimed.map((task) => {
      const abort = new AbortController();
      const key = keyOf(task);
      const held = { task, abort, until };
      this.held.set(key, held);
      return {
        task,
        signal: abort.signal,
        isHeld: () => performance.now() < held.until,
        end: () => void (this.held.delete(key) && ended(task)),
      };
    });
  }

  async giveBack(leases: readonly Lease[]): Promise<void> {
    for (const lease of leases) lease.end();
    await releaseTasks(
      this.database.pool,
      leases.map(({ task }) => task),
    );
  }

  /** The worker stops: what it still holds is free at once, and no crash is counted. */
  async giveBackAll(): Promise<void> {
    clearInterval(this.heartbeat);
    const held = [...this.held.values()];
    for (const { abort } of held) abort.abort(new Error('the worker stops'));
    this.held.clear();
    await releaseTasks(
      this.database.pool,
      held.map(({ task }) => task),
    );
    await this.database.pool.query('DELETE FROM workers WHERE id = $1', [this.owner]);
  }

  private async renew(): Promise<void> {
    const held = [...this.held.values()];
    const until = performance.now() + leaseMs;
    try {
      await this.database.pool.query('INSERT INTO workers (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET beat_at = now()', [this.owner]);
      if (held.length === 0) return;
      const { rows } = await this.database.pool.query<{ id: number; epoch: number }>(
        `UPDATE tasks t SET lease_until = now() + $3 * interval '1 millisecond'
         FROM (SELECT t.id FROM unnest($1::bigint[], $2::int[]) AS k(id, epoch) JOIN tasks t USING (id, epoch)
               WHERE t.status = 'leased' ORDER BY t.id FOR UPDATE OF t) k
         WHERE t.id = k.id RETURNING t.id, t.epoch`,
        [held.map(({ task }) => task.id), held.map(({ task }) => task.epoch), leaseMs],
      );
      const ours = new Set(rows.map(keyOf));
      for (const lease of held) {
        if (ours.has(keyOf(lease.task))) lease.until = until;
        else lease.abort.abort(new Error('the lease was lost'));
      }
    } catch {
      // The database is away. Leases run out by its clock; whoever takes them over raises the epoch, and our commit is refused.
    }
  }
}

const keyOf = ({ id, epoch }: { readonly id: number; readonly epoch: number }): string => `${id}:${epoch}`;
