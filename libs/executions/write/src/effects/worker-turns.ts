import type { Database } from '@sluice/platform-database';
import type { Turn } from '@sluice/platform-rates';

/** For so long what was read is taken as it was. */
const freshMs = 5_000;
/** So long after it began a worker is known to all others: their beat, what they took as it was, and some time for both. */
const knownAfterSeconds = 20;

/** Whose turn it is among the workers that live, as Postgres knows them: for what they share when they cannot ask Redis. */
export class WorkerTurns {
  private known: { readonly at: number; readonly turn: Promise<Turn | undefined> } | undefined;

  constructor(
    private readonly database: Database,
    /** As it stands in `workers` */
    private readonly owner: string,
  ) {}

  /** undefined: the others may not know of this one yet. */
  turn(): Promise<Turn | undefined> {
    const now = performance.now();
    if (this.known === undefined || now - this.known.at > freshMs) {
      const turn = this.read();
      this.known = { at: now, turn };
      turn.catch(() => (this.known = undefined));
    }
    return this.known.turn;
  }

  private async read(): Promise<Turn | undefined> {
    const { rows } = await this.database.pool.query<{ id: string; known: boolean }>(
      `SELECT id, started_at < now() - interval '${knownAfterSeconds} seconds' AS known
       FROM workers WHERE beat_at > now() - interval '30 seconds' ORDER BY id`,
    );
    const index = rows.findIndex(({ id }) => id === this.owner);
    return rows[index]?.known === true ? { index, of: rows.length } : undefined;
  }
}
