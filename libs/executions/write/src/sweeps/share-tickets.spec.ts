import type { TenantWindow, WaitingGroup, Windows } from '@sluice/platform-queue';
import { shareTickets } from './share-tickets.js';

const group = (facts: Partial<WaitingGroup>): WaitingGroup => ({
  queue: 'default',
  priority: 0,
  kind: 'start',
  due: 1_000,
  since: new Date(0),
  ...facts,
});
const tenant = (tenantId: string, facts: Partial<TenantWindow>): TenantWindow => ({
  tenantId,
  weight: 1,
  steps: 0,
  calls: 0,
  beginnings: 0,
  mayBegin: undefined,
  spentToday: undefined,
  waiting: [],
  ...facts,
});
/** Windows of 1 000 steps and 400 calls, of which these tenants hold theirs. */
function windowsOf(...tenants: readonly TenantWindow[]): Windows {
  const free = (size: number, lane: 'steps' | 'calls') => tenants.reduce((left, one) => left - one[lane], size);
  return {
    workers: 1,
    free: { steps: free(1_000, 'steps'), calls: free(400, 'calls') },
    tenants: new Map(tenants.map((one) => [one.tenantId, one])),
    more: undefined,
  };
}
const share = (windows: Windows, placesMax = 10_000, chance = () => 0.5) => shareTickets(windows, placesMax, chance);
const grantsTo = (id: string, { grants }: ReturnType<typeof share>) =>
  grants.filter(({ tenantId }) => tenantId === id).map(({ queue, priority, kind, places }) => [queue, priority, kind, places]);

it('T-15: a tenant that has little out goes before one that has much, and then they take turns', () => {
  const shared = share(
    windowsOf(tenant('a', { steps: 500, waiting: [group({ due: 50_000 })] }), tenant('b', { waiting: [group({ due: 3 })] })),
    5,
  );
  expect(shared.turns.steps).toEqual(['b', 'b', 'b', 'a', 'a']);
  expect(grantsTo('b', shared)).toEqual([['default', 0, 'start', 3]]);
  expect(grantsTo('a', shared)).toEqual([['default', 0, 'start', 2]]);
});

it('a tenant alone gets four of five places, and no more while it holds them', () => {
  expect(grantsTo('a', share(windowsOf(tenant('a', { waiting: [group({ due: 50_000 })] }))))).toEqual([['default', 0, 'start', 800]]);
  expect(share(windowsOf(tenant('a', { steps: 800, waiting: [group({})] }))).grants).toEqual([]);
});

it('slow calls take nothing of what steps have, nor the other way round', () => {
  const shared = share(windowsOf(tenant('a', { calls: 320, waiting: [group({ kind: 'effect' }), group({ kind: 'step', due: 10 })] })));
  expect(grantsTo('a', shared)).toEqual([['default', 0, 'step', 10]]);
  expect(share(windowsOf(tenant('a', { steps: 800, waiting: [group({ kind: 'effect', due: 7 })] }))).turns).toEqual({
    steps: [],
    calls: Array.from({ length: 7 }, () => 'a'),
  });
});

it('lets runs go on before it begins others, and takes the oldest of what is alike', () => {
  const waiting = [
    group({ kind: 'start', due: 10, since: new Date(1) }),
    group({ kind: 'begin', due: 10, since: new Date(0) }),
    group({ kind: 'resume', due: 2, since: new Date(9) }),
    group({ kind: 'start', due: 1, priority: 1, since: new Date(5) }),
  ];
  expect(grantsTo('a', share(windowsOf(tenant('a', { waiting })), 8))).toEqual([
    ['default', 1, 'start', 1],
    ['default', 0, 'resume', 2],
    ['default', 0, 'begin', 5],
  ]);
});

describe('queues of a tenant', () => {
  const all = [group({ queue: 'bulk', priority: 1 }), group({ queue: 'critical', priority: -1 }), group({})];

  it('critical goes before default, default before bulk, whatever their priorities; one of eight places is left to those behind', () => {
    expect(grantsTo('a', share(windowsOf(tenant('a', { waiting: all })), 640))).toEqual([
      ['critical', -1, 'start', 560],
      ['default', 0, 'start', 70],
      ['bulk', 1, 'start', 10],
    ]);
  });

  it('bulk has its turn even when places are few', () => {
    const bulkOf = (chance: number) =>
      grantsTo(
        'a',
        share(windowsOf(tenant('a', { waiting: [group({ queue: 'bulk' }), group({})] })), 1, () => chance),
      ).map(([queue]) => queue);
    expect(bulkOf(0.9)).toEqual(['default']);
    expect(bulkOf(0.1)).toEqual(['bulk']);
  });

  it('what a queue does not need goes to those behind it, and what those do not need to it', () => {
    const few = [group({ queue: 'critical', due: 3 }), group({ due: 1 }), group({ queue: 'bulk', due: 500 })];
    expect(grantsTo('a', share(windowsOf(tenant('a', { waiting: few })), 80))).toEqual([
      ['critical', 0, 'start', 3],
      ['default', 0, 'start', 1],
      ['bulk', 0, 'start', 76],
    ]);
    const mostly = [group({ queue: 'critical' }), group({ queue: 'bulk', due: 2 })];
    expect(grantsTo('a', share(windowsOf(tenant('a', { waiting: mostly })), 80))).toEqual([
      ['critical', 0, 'start', 78],
      ['bulk', 0, 'start', 2],
    ]);
  });

  it('say nothing between tenants', () => {
    const shared = share(
      windowsOf(tenant('a', { waiting: [group({ queue: 'critical' })] }), tenant('b', { waiting: [group({ queue: 'bulk' })] })),
      10,
    );
    expect(shared.turns.steps).toEqual(['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b', 'a', 'b']);
  });
});

describe('a tenant that may have so many runs under way', () => {
  const waiting = [group({ kind: 'step', due: 4 }), group({ due: 100 }), group({ kind: 'begin', due: 100, since: new Date(5) })];

  it('begins no more than that; its runs go on', () => {
    const shared = share(windowsOf(tenant('a', { mayBegin: 3, waiting })));
    expect(grantsTo('a', shared)).toEqual([
      ['default', 0, 'step', 4],
      ['default', 0, 'start', 3],
    ]);
    expect([...shared.atLimit]).toEqual(['a']);
  });

  it('begins none beyond it', () => {
    const shared = share(windowsOf(tenant('a', { mayBegin: -2, waiting })));
    expect(grantsTo('a', shared)).toEqual([['default', 0, 'step', 4]]);
    expect(shared.isMoreDue).toBe(true);
  });

  it('begins what is behind in its queues as well, sooner or later', () => {
    const queues = [group({ queue: 'critical' }), group({ queue: 'bulk' })];
    const begun = (chance: number) =>
      grantsTo(
        'a',
        share(windowsOf(tenant('a', { mayBegin: 1, waiting: queues })), 10, () => chance),
      );
    expect(begun(0.9)).toEqual([['critical', 0, 'start', 1]]);
    expect(begun(0.1)).toEqual([['bulk', 0, 'start', 1]]);
  });

  it('is not at its limit while there is enough room', () => {
    expect(share(windowsOf(tenant('a', { mayBegin: 200, waiting }))).atLimit.size).toBe(0);
  });
});

it('says whether more is due than got a ticket', () => {
  expect(share(windowsOf(tenant('a', { waiting: [group({ due: 5 })] }))).isMoreDue).toBe(false);
  expect(share(windowsOf(tenant('a', { waiting: [group({ due: 5 })] })), 4).isMoreDue).toBe(true);
  expect(share({ ...windowsOf(), more: 'z' }).isMoreDue).toBe(true);
});
