import type { GraphNode } from '@sluice/engine';
import { plannedSchedules } from './planned-schedules.js';

it('plans each schedule of a graph by its own clock, and nothing else', () => {
  const nodes: GraphNode[] = [
    { id: 'start', type: 'trigger.manual', config: {} },
    { id: 'morning', type: 'trigger.schedule', config: { cron: '0 9 * * *', timeZone: 'Europe/Berlin', catchUp: 'skip' } },
    { id: 'month', type: 'trigger.schedule', config: { cron: '0 0 L * *', catchUp: 'all', catchUpMax: 3 } },
  ];
  expect(plannedSchedules({ nodes, edges: [] }, new Date('2027-07-01T07:00:00Z'))).toEqual([
    {
      nodeId: 'morning',
      cron: '0 9 * * *',
      timeZone: 'Europe/Berlin',
      catchUp: { mode: 'skip', max: 100 },
      nextAt: new Date('2027-07-02T07:00:00Z'),
    },
    { nodeId: 'month', cron: '0 0 L * *', timeZone: 'UTC', catchUp: { mode: 'all', max: 3 }, nextAt: new Date('2027-07-31T00:00:00Z') },
  ]);
});
