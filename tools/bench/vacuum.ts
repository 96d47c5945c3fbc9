import type pg from 'pg';
import { loadRound, type System } from './rounds.ts';

/** Mean milliseconds of an execution, by statement */
export type StatementTimes = Readonly<Record<string, number>>;

export interface Wear {
  /** Tasks that have gone through the queue */
  readonly tasks: number;
  readonly deliveriesPerRound: number;
  readonly rounds: readonly StatementTimes[];
  /** At the end, of the table of tasks */
  readonly deadRows: number;
  readonly bytes: number;
  readonly problems: readonly string[];
}

/** What dispatcher and sequencer ask again and again, by a part of its text. */
const watched = {
  'sequencer: number commits': 'SELECT sequence_commits()%',
  'dispatcher: read the windows': '%WITH RECURSIVE out AS%',
  'dispatcher: give tickets': 'UPDATE tasks SET ticketed_at = now()%unnest(%',
  'sweep: oldest task that waits': 'SELECT extract(epoch FROM now() - run_after)%',
} as const;

/**
 * P-14: deliveries round by round, whose runs come afterwards, so that each of their tasks waits for the dispatcher; without any vacuum of the tables
 * that grow and shrink. The first round is the measure of the last ones.
 */
export async function wear(
  system: System,
  { tasks, deliveriesPerRound, say }: { readonly tasks: number; readonly deliveriesPerRound: number; readonly say: (line: string) => void },
): Promise<Wear> {
  await system.command.query(
    'ALTER TABLE tasks SET (autovacuum_enabled = false); ALTER TABLE event_commits SET (autovacuum_enabled = false)',
  );
  await system.command.query('VACUUM ANALYZE tasks, event_commits');
  const rounds: StatementTimes[] = [];
  for (let through = 0; through < tasks; through += deliveriesPerRound) {
    say(`${through} of ${tasks} tasks are through.`);
    const { problems } = await loadRound(system, `after ${through}`, deliveriesPerRound, 'afterwards');
    rounds.push(await timesOf(system.postgres));
    if (problems.length > 0) return { ...(await sizesOf(system.command)), tasks: through, deliveriesPerRound, rounds, problems };
  }
  return { ...(await sizesOf(system.command)), tasks: rounds.length * deliveriesPerRound, deliveriesPerRound, rounds, problems: [] };
}

/** Of the round that has just ended: it began with a reset. */
async function timesOf(postgres: pg.Client): Promise<StatementTimes> {
  const times: [string, number][] = [];
  for (const [name, pattern] of Object.entries(watched)) {
    const { rows } = await postgres.query<{ ms: number | null }>(
      `SELECT sum(total_exec_time) / nullif(sum(calls), 0) AS ms FROM pg_stat_statements
       WHERE userid::regrole::text LIKE 'sluice\\_%' AND toplevel AND query LIKE $1`,
      [pattern],
    );
    times.push([name, rows[0]?.ms ?? Number.NaN]);
  }
  return Object.fromEntries(times);
}

async function sizesOf(command: pg.Client): Promise<{ readonly deadRows: number; readonly bytes: number }> {
  const { rows } = await command.query<{ deadRows: number; bytes: number }>(
    `SELECT n_dead_tup::int AS "deadRows", pg_total_relation_size('tasks')::float8 AS bytes FROM pg_stat_user_tables WHERE relname = 'tasks'`,
  );
  return rows[0] ?? { deadRows: 0, bytes: 0 };
}
