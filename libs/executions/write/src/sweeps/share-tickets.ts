import { type Claimant, shareOut } from '@sluice/platform-fairness';
import { beginsRuns, type Lane, laneOf, type Queue, type TenantWindow, type WaitingGroup, type Windows } from '@sluice/platform-queue';

/** So many tasks of one group get their tickets now, the oldest first. */
export interface Grant extends Omit<WaitingGroup, 'due' | 'since'> {
  readonly tenantId: string;
  readonly places: number;
}

export interface Shared {
  /** Of each tenant in the order in which its own go */
  readonly grants: readonly Grant[];
  /** A tenant for each ticket of a lane: in this order they are issued */
  readonly turns: Readonly<Record<Lane, readonly string[]>>;
  /** Tasks that are due were left without one. */
  readonly isMoreDue: boolean;
  /** Tenants that have as many runs under way as they may, and more to begin */
  readonly atLimit: ReadonlySet<string>;
  /** Tenants that have begun as many today as they may, and more to begin: by tenant, that number. Nothing but midnight or a person helps */
  readonly spent: ReadonlyMap<string, number>;
}

const lanes: readonly Lane[] = ['steps', 'calls'];
const queues: readonly Queue[] = ['critical', 'default', 'bulk'];
/** One of so many places goes to the queues behind, so that a queue in front of them never stops them. */
const leftBehind = 8;

/** Who gets tickets of what is free in the windows. Tenants take turns; within a tenant its queues, priorities and age decide. */
export function shareTickets(windows: Windows, placesMax: number, chance: () => number = Math.random): Shared {
  const tenants = [...windows.tenants.values()].map((tenant) => ({ ...tenant, waiting: withinLimit(tenant, chance) }));
  const turns = { steps: turnsIn('steps'), calls: turnsIn('calls') };
  const grants = lanes.flatMap((lane) =>
    [...Map.groupBy(turns[lane], (tenantId) => tenantId)].flatMap(([tenantId, { length: places }]) => {
      const waiting = tenants.find((tenant) => tenant.tenantId === tenantId)?.waiting ?? [];
      return inOrder(ofLane(waiting, lane), places, chance).map((grant) => ({ tenantId, ...grant }));
    }),
  );
  const due = [...windows.tenants.values()]
    .flatMap(({ waiting, spentToday }) => (spentToday === undefined ? waiting : waiting.filter(({ kind }) => !beginsRuns(kind))))
    .reduce((sum, group) => sum + group.due, 0);
  const granted = grants.reduce((sum, { places }) => sum + places, 0);
  const atLimit = [...windows.tenants.values()].filter(
    ({ waiting, mayBegin = Number.POSITIVE_INFINITY }) => dueOf(waiting.filter(({ kind }) => beginsRuns(kind))) > mayBegin,
  );
  const spent = atLimit.flatMap(({ tenantId, spentToday }) => (spentToday === undefined ? [] : [[tenantId, spentToday] as const]));
  return {
    grants,
    turns,
    isMoreDue: windows.more !== undefined || granted < due,
    atLimit: new Set(atLimit.map(({ tenantId }) => tenantId)),
    spent: new Map(spent),
  };

  function turnsIn(lane: Lane): string[] {
    const claimants = tenants.map(({ tenantId: id, weight, waiting, [lane]: held }): Claimant => ({
      id,
      weight,
      held,
      wanted: dueOf(ofLane(waiting, lane)),
    }));
    return shareOut(windows.free[lane], claimants, placesMax);
  }
}

const ofLane = (waiting: readonly WaitingGroup[], lane: Lane) => waiting.filter(({ kind }) => laneOf(kind) === lane);
const dueOf = (waiting: readonly WaitingGroup[]): number => waiting.reduce((sum, { due }) => sum + due, 0);

/** Of what would begin runs, no more than may be under way. */
function withinLimit({ waiting, mayBegin }: TenantWindow, chance: () => number): readonly WaitingGroup[] {
  const beginning = waiting.filter(({ kind }) => beginsRuns(kind));
  if (mayBegin === undefined || dueOf(beginning) <= mayBegin) return waiting;
  const allowed = inOrder(beginning, Math.max(0, mayBegin), chance);
  return waiting.map((group) => {
    if (!beginsRuns(group.kind)) return group;
    const { queue, priority, kind } = group;
    const own = allowed.find((grant) => grant.queue === queue && grant.priority === priority && grant.kind === kind);
    return { ...group, due: own?.places ?? 0 };
  });
}

/** Higher priorities first; then what lets runs go on before what begins others; then what is due the longest. */
const firstToGo = (a: WaitingGroup, b: WaitingGroup): number =>
  queues.indexOf(a.queue) - queues.indexOf(b.queue) ||
  b.priority - a.priority ||
  Number(beginsRuns(a.kind)) - Number(beginsRuns(b.kind)) ||
  a.since.getTime() - b.since.getTime();

/** One tenant's places over its groups. */
function inOrder(waiting: readonly WaitingGroup[], places: number, chance: () => number): Omit<Grant, 'tenantId'>[] {
  const [front, ...behind] = queues
    .map((queue) => waiting.filter((group) => group.queue === queue).toSorted(firstToGo))
    .filter((groups) => dueOf(groups) > 0);
  if (front === undefined || places === 0) return [];
  const exact = behind.length === 0 ? 0 : places / leftBehind;
  const reserved = Math.floor(exact) + Number(chance() < exact % 1);
  const forBehind = Math.max(Math.min(reserved, dueOf(behind.flat())), places - dueOf(front));
  let left = places - forBehind;
  const own = front.flatMap(({ queue, priority, kind, due }) => {
    const taken = Math.min(due, left);
    left -= taken;
    return taken === 0 ? [] : [{ queue, priority, kind, places: taken }];
  });
  return [...own, ...inOrder(behind.flat(), forBehind, chance)];
}
