import type { NoisyResult } from './noisy.ts';
import { type IdleLatency, type LoadRound, percentile } from './rounds.ts';
import type { Wear } from './vacuum.ts';

export interface BenchRound {
  readonly rawCommitsPerSecond: number;
  readonly rawJobsPerSecond: number;
  /** Deliveries acknowledged while worker and projector stand still */
  readonly accepting: LoadRound;
  readonly load: LoadRound;
}

export interface BenchResult {
  readonly date: string;
  readonly machine: {
    readonly cores: number;
    readonly model: string;
    readonly platform: string;
    readonly node: string;
    /** Before the start, over 1, 5 and 15 minutes */
    readonly loadAverage: readonly number[];
  };
  readonly options: { readonly gateways: number; readonly workers: number; readonly deliveriesPerRound: number };
  readonly rounds: readonly BenchRound[];
  readonly idle: IdleLatency;
}

export interface NoisyBench {
  readonly date: string;
  readonly machine: BenchResult['machine'];
  readonly options: { readonly gateways: number; readonly workers: number };
  readonly noisy: NoisyResult;
}

export interface WearBench {
  readonly date: string;
  readonly machine: BenchResult['machine'];
  readonly options: { readonly gateways: number; readonly workers: number };
  readonly wear: Wear;
}

export type Figure = readonly [name: string, unit: string, perRound: readonly number[]];

/** What the table shows: a value of every round, or one where there is but one. */
export function figures({ rounds, idle }: BenchResult): Figure[] {
  const of = (value: (round: BenchRound) => number) => rounds.map(value);
  const perRun = (value: (round: LoadRound) => number) => rounds.map(({ load }) => value(load) / load.finished);
  const processes = [...new Set(rounds.flatMap(({ load }) => Object.keys(load.metered.cpuSeconds)))];
  const measured = processes.filter((name) => name !== 'load generator');
  const cpu = (load: LoadRound, process: string) => load.metered.cpuSeconds[process] ?? 0;
  return [
    ['webhooks acknowledged, runs afterwards', '/s', of(({ accepting }) => accepting.acknowledgedPerSecond)],
    ['  of these p50', 'ms', of(({ accepting }) => accepting.acknowledgementMs.p50)],
    ['  of these p99', 'ms', of(({ accepting }) => accepting.acknowledgementMs.p99)],
    ['webhooks acknowledged, runs at the same time', '/s', of(({ load }) => load.acknowledgedPerSecond)],
    ['  acknowledgement p50', 'ms', of(({ load }) => load.acknowledgementMs.p50)],
    ['  acknowledgement p99', 'ms', of(({ load }) => load.acknowledgementMs.p99)],
    ['runs finished, end to end', '/s', of(({ load }) => load.finishedPerSecond)],
    ['raw: commits, one connection', '/s', of(({ rawCommitsPerSecond }) => rawCommitsPerSecond)],
    ['raw: BullMQ jobs that do nothing', '/s', of(({ rawJobsPerSecond }) => rawJobsPerSecond)],
    ['acknowledged ÷ raw commits', '', of(({ load, rawCommitsPerSecond }) => load.acknowledgedPerSecond / rawCommitsPerSecond)],
    ['runs ÷ raw BullMQ jobs', '', of(({ load, rawJobsPerSecond }) => load.finishedPerSecond / rawJobsPerSecond)],
    ['idle: POST to acknowledgement p50', 'ms', [percentile(idle.acknowledgedMs, 50)]],
    ['idle: POST to acknowledgement p95', 'ms', [percentile(idle.acknowledgedMs, 95)]],
    ['idle: POST to completed in the query store p50', 'ms', [percentile(idle.visibleMs, 50)]],
    ['idle: POST to completed in the query store p95', 'ms', [percentile(idle.visibleMs, 95)]],
    ['SQL round trips', '/run', perRun(({ metered }) => metered.sqlRoundTrips)],
    ['Redis commands', '/run', perRun(({ metered }) => metered.redisCommands)],
    ['  of them scripts', '/run', perRun(({ metered }) => metered.redisScripts)],
    ['WAL, both stores', 'bytes/run', perRun(({ metered }) => metered.walBytes)],
    ['  by statements on the command store', 'bytes/run', perRun(({ metered }) => metered.walBytesOf.command)],
    ['  by statements on the query store', 'bytes/run', perRun(({ metered }) => metered.walBytesOf.query)],
    ['CPU of all but the load generator', 's/1000 runs', perRun((load) => 1_000 * sum(measured.map((name) => cpu(load, name))))],
    ...processes.map((name): Figure => [`  ${name}`, 's/1000 runs', perRun((load) => 1_000 * cpu(load, name))]),
  ];
}

/** Medians over the rounds, and between what they lay. */
export function table(result: BenchResult): string {
  const { date, machine, options, rounds } = result;
  const rows = [
    ['', 'median', 'lowest', 'highest', ''],
    ...figures(result).map(([name, unit, values]) => [
      name,
      shown(percentile(values, 50)),
      ...(values.length > 1 ? [shown(Math.min(...values)), shown(Math.max(...values))] : ['', '']),
      unit,
    ]),
  ];
  return [
    ...headOf({ date, machine }),
    `gateways ${options.gateways}, workers ${options.workers}; ${rounds.length} rounds of ${options.deliveriesPerRound} deliveries`,
    '',
    ...aligned(rows),
  ].join('\n');
}

/** What the neighbour notices; ratios are to its quiet time. */
export function noisyTable({ date, machine, options, noisy }: NoisyBench): string {
  const { sizes, quiet, flooded, draining, flood, redisBytes, alonePerSecond } = noisy;
  const waits = (
    [
      ['acknowledged', 'acknowledgedMs'],
      ['call at its target', 'calledMs'],
      ['visible in the query store', 'visibleMs'],
    ] as const
  ).flatMap(([name, wait]) =>
    (['p50', 'p95', 'max'] as const).map((part) => {
      const of = (latency: typeof quiet) => latency[wait][part];
      const ratio = (latency: typeof quiet) => `${shown(of(latency) / of(quiet))} x`;
      return [`${name} ${part}`, shown(of(quiet)), shown(of(flooded)), ratio(flooded), shown(of(draining)), ratio(draining), 'ms'];
    }),
  );
  const mebibytes = (bytes: number) => `${shown(bytes / 1_048_576)} MiB`;
  return [
    ...headOf({ date, machine }),
    `gateways ${options.gateways}, workers ${options.workers}; a flood of ${sizes.flood}, the neighbour sends every ${sizes.everyMs} ms`,
    '',
    ...aligned([
      ['the neighbour, from its POST', 'quiet', 'flood comes', '', 'flood drains', '', ''],
      ...waits,
      ['deliveries', String(quiet.deliveries), String(flooded.deliveries), '', String(draining.deliveries), '', ''],
    ]),
    '',
    `the flooding tenant alone, from its backlog: ${shown(alonePerSecond)} runs/s`,
    `its flood: ${shown(flood.acknowledgedPerSecond)} acknowledged/s, ${shown(flood.runsPerSecond)} runs/s, ${flood.slowCalls} slow calls`,
    `Redis used ${mebibytes(redisBytes.before)} before, ${mebibytes(redisBytes.most)} at most; tasks in Postgres at most ` +
      `${Math.max(0, ...noisy.samples.map(({ tasks }) => tasks))}`,
  ].join('\n');
}

/** The first rounds and the last; ratios are to the first. */
export function wearTable({ date, machine, options, wear }: WearBench): string {
  const { rounds, tasks, deliveriesPerRound, deadRows, bytes } = wear;
  const rows = Object.keys(rounds[0] ?? {}).map((name) => {
    const times = rounds.map((round) => round[name] ?? Number.NaN);
    const [fresh = Number.NaN, last = Number.NaN] = [times[0], times.at(-1)];
    return [name, shown(fresh), shown(percentile(times, 50)), shown(last), `${shown(last / fresh)} x`, 'ms'];
  });
  return [
    ...headOf({ date, machine }),
    `gateways ${options.gateways}, workers ${options.workers}; ${tasks} tasks, ${deliveriesPerRound} a round; no vacuum of tasks and event_commits`,
    '',
    ...aligned([['mean of an execution', 'first round', 'median', 'last round', '', ''], ...rows]),
    '',
    `tasks at the end: ${deadRows} dead rows, ${shown(bytes / 1_048_576)} MiB with its indexes`,
  ].join('\n');
}

const headOf = ({ date, machine }: Pick<BenchResult, 'date' | 'machine'>): string[] => [
  `${date.slice(0, 16).replace('T', ' ')} UTC, ${machine.cores} cores (${machine.model}), Node ${machine.node}, ${machine.platform}`,
  `load average before ${machine.loadAverage.map((load) => load.toFixed(1)).join(' ')}; other work is in every figure: trust ratios`,
];

function aligned(rows: readonly (readonly string[])[]): string[] {
  const columns = Math.max(...rows.map(({ length }) => length)) - 1;
  const widths = Array.from({ length: columns }, (_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const cell = (text: string, column: number) => (column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0));
  return rows.map((row) => row.map(cell).join('  ').trimEnd());
}

function shown(value: number): string {
  if (!Number.isFinite(value)) return '-';
  return value >= 100 ? String(Math.round(value)) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
