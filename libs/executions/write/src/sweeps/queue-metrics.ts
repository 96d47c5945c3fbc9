import { Gauge, Histogram } from 'prom-client';

export const queueDepth = new Gauge({
  name: 'sluice_queue_depth',
  help: 'Tasks in Postgres: waiting for a ticket, ticketed, leased, or for later',
  labelNames: ['queue', 'state'] as const,
});

export const oldestWaitingSeconds = new Gauge({
  name: 'sluice_queue_oldest_waiting_seconds',
  help: 'Age of the oldest task that is due and has no ticket; 0: there is none',
});

export const jobWaitSeconds = new Histogram({
  name: 'sluice_job_wait_seconds',
  help: 'From when a task was due until a worker took it',
  labelNames: ['queue'] as const,
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
});
