import { Counter, Gauge } from 'prom-client';

export const lagSeconds = new Gauge({
  name: 'sluice_projection_lag_seconds',
  help: 'Age of the oldest event that is not in the read models',
});
export const projectedPosition = new Gauge({
  name: 'sluice_projection_position',
  help: 'Log position that the read models have reached',
});
export const stopped = new Gauge({
  name: 'sluice_projector_stopped',
  help: '1: the projector has stopped for good, at a log that is broken or has events of a newer version',
});
export const projectedTotal = new Counter({
  name: 'sluice_projection_events_total',
  help: 'Events taken from the log into the read models',
});
export const parkedTotal = new Counter({
  name: 'sluice_projection_parked_total',
  help: 'Aggregates that a projection left out because it could not take an event',
  labelNames: ['projection'] as const,
});
