import type { Graph } from '@sluice/engine';
import { type CatchUp, nextDue, type Schedule, scheduleIn } from '@sluice/nodes';

/** When a node begins runs by the clock. */
export interface PlannedSchedule extends Schedule {
  readonly nodeId: string;
  readonly catchUp: CatchUp;
  /** null: never */
  readonly nextAt: Date | null;
}

/** Those of a graph that can be published, counted from `now`. */
export const plannedSchedules = ({ nodes }: Graph, now: Date): PlannedSchedule[] =>
  nodes
    .filter(({ type }) => type === 'trigger.schedule')
    .map(({ id, config }) => {
      const schedule = scheduleIn(config);
      return { ...schedule, nodeId: id, nextAt: nextDue(schedule, now) ?? null };
    });
