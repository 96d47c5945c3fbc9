import { Counter, Histogram } from 'prom-client';

export const receivedTotal = new Counter({
  name: 'sluice_webhook_received_total',
  help: 'Calls of providers, by what became of them',
  labelNames: ['provider', 'result'] as const,
});

export const acknowledgementSeconds = new Histogram({
  name: 'sluice_webhook_ack_seconds',
  help: 'From the whole request read to its commit',
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3],
});
