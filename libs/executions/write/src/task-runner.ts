import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { type EngineCommand, executionIsOver, type Fact, inputOf } from '@sluice/engine';
import type { SlowEvaluator } from '@sluice/expressions';
import { codeOf, ServiceDatabase } from '@sluice/platform-database';
import { type TaskTicket, TicketHandler, Tickets } from '@sluice/platform-queue';
import { LOGGER, type Logger, withCorrelation } from '@sluice/platform-telemetry';
import { EffectToolbox } from './effects/effect-toolbox.js';
import { type EffectJob, type EffectOutcome, performEffects } from './effects/perform-effects.js';
import type { Committed, EffectResult, StartWork, StepWork, Work } from './steps/commit-steps.js';
import { Committer } from './steps/committer.js';
import { CompiledVersions, isBroken, type PublishedVersion } from './steps/compiled-versions.js';
import { type Lease, Leases } from './steps/leases.js';
import { readRuns, type Run } from './steps/run.js';
import { failedStep, runStep, type Step, type StepTools } from './steps/run-step.js';
import { type Listener, readListeners, runForEvent, wants } from './steps/start-runs.js';
import { putOffTasks, readTasks, type Task } from './steps/tasks.js';
import { type Tenant, TenantDirectory } from './tenant-directory.js';
import { WakeUps } from './sweeps/wake-ups.js';

export const WORKER_OPTIONS = Symbol('worker options');

export interface WorkerOptions {
  /** `FUSION` */
  readonly fusion: boolean;
  readonly slow: SlowEvaluator;
}

/** What a step begins with: facts, or a node that was left to it. */
interface Beginning {
  readonly facts: readonly Fact[];
  readonly commands?: readonly EngineCommand[];
}

const crashesMax = 3;
const effectsInFlightMax = 400;
/** After this long a stop aborts the calls that are still under way. */
const drainMs = 15_000;
/** A run that is fenced this often in a row is left to a later ticket. */
const decisionsMax = 20;

/**
 * The shell around the engine. Tickets say where to look; Postgres says what there is; every outcome goes through one fenced, grouped
 * commit. Whatever fails here is found again by the sweeps.
 */
@Injectable()
export class TaskRunner extends TicketHandler implements BeforeApplicationShutdown {
  private readonly effectsInFlight = new Set<Promise<void>>();
  private effectsRunning = 0;
  /** By run, the last decision under way here: those of one run wait for each other instead of fencing each other. */
  private readonly deciding = new Map<string, Promise<unknown>>();
  private readonly ticketsInFlight = new Set<Promise<void>>();
  private draining = false;
  /** When tickets last came; the sweeps poll Postgres when none did for a while. */
  lastTicketAt = performance.now();

  constructor(
    private readonly database: ServiceDatabase,
    private readonly versions: CompiledVersions,
    private readonly tenants: TenantDirectory,
    private readonly leases: Leases,
    private readonly committer: Committer,
    private readonly tickets: Tickets,
    private readonly wakeUps: WakeUps,
    private readonly toolbox: EffectToolbox,
    @Inject(WORKER_OPTIONS) private readonly options: WorkerOptions,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super();
  }

  override async handle(tickets: readonly TaskTicket[]): Promise<void> {
    if (this.draining || tickets.length === 0) return;
    this.lastTicketAt = performance.now();
    const done = this.run(tickets)
      .catch((error: unknown) => this.logger.warn({ reason: messageOf(error), tickets: tickets.length }, 'tasks left to the sweeps'))
      .finally(() => this.ticketsInFlight.delete(done));
    this.ticketsInFlight.add(done);
    await done;
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.draining = true;
    const idle = Promise.all([...this.ticketsInFlight, ...this.effectsInFlight]);
    await Promise.race([idle, new Promise((resolve) => setTimeout(resolve, drainMs).unref())]);
    await this.leases.giveBackAll();
  }

  private async run(tickets: readonly TaskTicket[]): Promise<void> {
    const ready = await readTasks(this.database.pool, tickets);
    // A slow target must not keep this worker from everything else.
    const room = Math.max(0, effectsInFlightMax - this.effectsRunning);
    const tooMany = ready.filter(({ kind }) => kind === 'effect').slice(room);
    await putOffTasks(this.database.pool, tooMany);
    const tasks = ready.filter((task) => !tooMany.includes(task));
    // A pure first attempt needs no lease: its commit proves that the task was still there. What was tried before may have killed its
    // worker, and an effect must be one worker's alone.
    const mustClaim = (task: Task) => task.kind === 'effect' || task.gen > 1;
    const leases = await this.leases.take(tasks.filter(mustClaim));
    const free = [
      ...tasks.filter((task) => !mustClaim(task)).map((task) => ({ task, lease: undefined })),
      ...leases.map((lease) => ({ task: lease.task, lease })),
    ];

    const effects = leases.filter(({ task }) => task.kind === 'effect');
    const inProcess = free.filter(({ task }) => task.kind !== 'effect');
    const endLeases = () => inProcess.forEach(({ lease }) => lease?.end());
    this.beginEffects(effects);
    await Promise.all([
      this.runStarts(inProcess.flatMap(({ task }) => (task.kind === 'start' ? [task] : []))),
      this.runSteps(inProcess.flatMap(({ task }) => (task.kind === 'start' ? [] : [task]))),
    ]).finally(endLeases);
  }

  // Starts -------------------------------------------------------------------------------------------------------------

  private async runStarts(tasks: readonly Task[]): Promise<void> {
    const events = tasks.flatMap((task) => (task.webhookEvent === null ? [] : [{ task, event: task.webhookEvent }]));
    if (events.length === 0) return;
    const listeners = await readListeners(
      this.database.pool,
      events.map(({ task, event }) => ({ tenantId: task.tenantId, channelId: event.item.channelId })),
    );
    const [versions, tenants] = await Promise.all([
      this.versions.get(listeners.map(({ versionId }) => versionId)),
      this.tenants.get(events.map(({ task }) => task.tenantId)),
    ]);
    await Promise.all(
      events.map(({ task, event }) =>
        withCorrelation({ correlationId: event.correlationId, tenantId: task.tenantId }, async () => {
          const work = await this.startWork(task, event, listeners, versions, tenants.get(task.tenantId));
          await this.finish(...(await this.commitStart(work)));
        }),
      ),
    );
  }

  private async startWork(
    task: Task,
    event: NonNullable<Task['webhookEvent']>,
    listeners: readonly Listener[],
    versions: Awaited<ReturnType<CompiledVersions['get']>>,
    tenant: Tenant | undefined,
  ): Promise<StartWork> {
    const base = {
      kind: 'start',
      task: { id: task.id, epoch: task.epoch },
      tenantId: task.tenantId,
      webhookEventId: event.id,
      correlationId: event.correlationId,
    } as const;
    if (task.crashes >= crashesMax) {
      return { ...base, listeners: [], failure: { code: 'crash_loop', message: `Starting it stopped its worker ${task.crashes} times.` } };
    }
    const item = { ...event.item, id: event.id };
    const begun: StartWork['listeners'][number][] = [];
    let broken: string | undefined;
    for (const listener of listeners) {
      const version = versions.get(listener.versionId);
      if (!(await wants(listener, item, task.tenantId, this.options.slow))) continue;
      // Not read is not gone: the task stays.
      if (version === undefined) throw new Error(`version ${listener.versionId} could not be read`);
      if (isBroken(version)) {
        broken = version.brokenBecause;
        continue;
      }
      if (!version.compiled.programs.has(listener.nodeId)) continue;
      const { run, started } = runForEvent(version, listener, item, event.correlationId);
      begun.push({
        webhookId: listener.webhookId,
        started,
        step: await runStep(version, run, { facts: [{ type: 'run.started' }] }, this.toolsOf(tenant)),
      });
    }
    return { ...base, listeners: begun, ...(broken === undefined ? {} : { failure: { code: 'workflow_broken', message: broken } }) };
  }

  /** An event whose start cannot be stored fails with the reason: it would be tried for ever, and nothing of it would ever be seen. */
  private async commitStart(work: StartWork): Promise<[Committed, StartWork]> {
    try {
      return [await this.committer.add(work), work];
    } catch (error) {
      if (!isUnstorable(error)) throw error;
      const refused: StartWork = { ...work, listeners: [], failure: { code: 'not_storable', message: messageOf(error) } };
      return [await this.committer.add(refused), refused];
    }
  }

  // Steps --------------------------------------------------------------------------------------------------------------

  private async runSteps(tasks: readonly Task[]): Promise<void> {
    const { runs, versions, tenants } = await this.readAll(tasks);
    await Promise.all(
      tasks.map((task) => {
        const run = runs.get(task.executionId ?? '');
        return withCorrelation({ correlationId: run?.correlationId ?? '', tenantId: task.tenantId }, () =>
          this.decide(task, run, versions, tenants.get(task.tenantId), (version, current) => this.beginningOf(task, version, current)),
        );
      }),
    );
  }

  private beginningOf(task: Task, version: PublishedVersion, run: Run): Beginning {
    const nodeId = task.nodeId ?? '';
    const node = run.state.nodes.get(nodeId);
    const startedAt = node?.startedAt ?? new Date().toISOString();
    if (task.crashes >= crashesMax) return { facts: [crashLoop(task, nodeId, startedAt)] };
    if (task.kind === 'resume') {
      return {
        facts: [
          {
            type: 'node.completed',
            nodeId,
            attempt: node?.attempt ?? 1,
            handle: 'out',
            output: inputOf(version.compiled, run.state, nodeId),
            startedAt,
          },
        ],
      };
    }
    return { facts: [], commands: [{ type: 'runNode', nodeId, attempt: task.attempt }] };
  }

  /** Decides, commits, and decides again with what the nodes came to for as long as the run has moved on meanwhile. */
  private async decide(
    task: Task,
    read: Run | undefined,
    versions: Awaited<ReturnType<CompiledVersions['get']>>,
    tenant: Tenant | undefined,
    begin: (version: PublishedVersion, run: Run) => Beginning,
    effect?: EffectResult,
  ): Promise<void> {
    const runId = task.executionId ?? '';
    const before = this.deciding.get(runId);
    const turn = (async () => {
      await before?.catch(() => {});
      let run = before === undefined ? read : await this.readRun(task);
      let outcomes: Step['outcomes'] = new Map();
      for (let decision = 1; decision <= decisionsMax; decision += 1) {
        const step = await this.stepOf(run, versions, tenant, begin, outcomes);
        outcomes = step?.outcomes ?? outcomes;
        const work: StepWork = {
          kind: 'step',
          task: { id: task.id, epoch: task.epoch },
          step,
          ...(effect === undefined ? {} : { effect }),
        };
        const committed = await this.committer.add(work).catch((error: unknown) => {
          if (!isUnstorable(error) || run === undefined) throw error;
          return this.committer.add({
            ...work,
            step: failedStep(run, { code: 'not_storable', message: messageOf(error) }),
            effect: undefined,
          });
        });
        if (committed.outcome !== 'fenced') return this.finish(committed, work);
        run = await this.readRun(task);
      }
      throw new Error(`run ${runId} was fenced ${decisionsMax} times in a row`);
    })();
    this.deciding.set(runId, turn);
    try {
      await turn;
    } finally {
      if (this.deciding.get(runId) === turn) this.deciding.delete(runId);
    }
  }

  /** undefined: the run is over or gone, and the task has nothing left to do. */
  private async stepOf(
    run: Run | undefined,
    versions: Awaited<ReturnType<CompiledVersions['get']>>,
    tenant: Tenant | undefined,
    begin: (version: PublishedVersion, run: Run) => Beginning,
    outcomes: Step['outcomes'],
  ): Promise<Step | undefined> {
    if (run === undefined || executionIsOver(run.state)) return undefined;
    const version = versions.get(run.versionId);
    // Not read is not gone: the task stays.
    if (version === undefined) throw new Error(`version ${run.versionId} could not be read`);
    if (isBroken(version)) return failedStep(run, { code: 'workflow_broken', message: version.brokenBecause });
    return runStep(version, run, begin(version, run), this.toolsOf(tenant), outcomes);
  }

  private async readRun({ tenantId, executionId }: Task): Promise<Run | undefined> {
    if (executionId === null) return undefined;
    return (await readRuns(this.database.pool, [{ tenantId, executionId }])).get(executionId);
  }

  // Effects ------------------------------------------------------------------------------------------------------------

  /** The calls go on by themselves: a slow target keeps no ticket waiting. */
  private beginEffects(leases: readonly Lease[]): void {
    if (leases.length === 0) return;
    this.effectsRunning += leases.length;
    const work = this.runEffects(leases)
      .catch((error: unknown) => this.logger.warn({ reason: messageOf(error), effects: leases.length }, 'effects left to the sweeps'))
      .finally(() => {
        this.effectsRunning -= leases.length;
        this.effectsInFlight.delete(work);
      });
    this.effectsInFlight.add(work);
  }

  private async runEffects(leases: readonly Lease[]): Promise<void> {
    const { runs, versions, tenants } = await this.orGiveBack(leases, this.readAll(leases.map(({ task }) => task)));
    const jobs: EffectJob[] = [];
    const others: Promise<void>[] = [];
    const commit = (lease: Lease, fact: Fact | undefined, run: Run | undefined, result?: EffectResult) =>
      withCorrelation({ correlationId: run?.correlationId ?? '', tenantId: lease.task.tenantId }, () =>
        this.decide(
          lease.task,
          run,
          versions,
          tenants.get(lease.task.tenantId),
          () => ({ facts: fact === undefined ? [] : [fact] }),
          result,
        )
          .catch((error: unknown) =>
            this.logger.warn({ reason: messageOf(error), executionId: lease.task.executionId }, 'an effect\u2019s step was not committed'),
          )
          .finally(() => lease.end()),
      );
    for (const lease of leases) {
      const { task } = lease;
      const run = runs.get(task.executionId ?? '');
      const version = versions.get(run?.versionId ?? '');
      const tenant = tenants.get(task.tenantId);
      const nodeId = task.nodeId ?? '';
      const due = run !== undefined && !executionIsOver(run.state) && run.state.nodes.get(nodeId)?.attempt === task.attempt;
      if (due && version !== undefined && !isBroken(version) && tenant !== undefined && task.crashes < crashesMax) {
        jobs.push({ lease, run, version, tenant, nodeId });
      } else {
        others.push(commit(lease, task.crashes >= crashesMax ? crashLoop(task, nodeId, new Date().toISOString()) : undefined, run));
      }
    }
    // It rejects only before the first call: then nothing was sent.
    const performed = performEffects(
      this.database,
      jobs,
      this.options.slow,
      (job, key, signal) => this.toolbox.toolsFor(job, key, signal),
      ({ job, fact, result }: EffectOutcome) => commit(job.lease, fact, job.run, result),
    );
    await Promise.all([
      ...others,
      this.orGiveBack(
        jobs.map(({ lease }) => lease),
        performed,
      ),
    ]);
  }

  private async orGiveBack<T>(leases: readonly Lease[], work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      await this.leases.giveBack(leases).catch(() => {});
      throw error;
    }
  }

  // Shared -------------------------------------------------------------------------------------------------------------

  private async readAll(tasks: readonly Task[]) {
    const runs = await readRuns(
      this.database.pool,
      tasks.flatMap(({ tenantId, executionId }) => (executionId === null ? [] : [{ tenantId, executionId }])),
    );
    const [versions, tenants] = await Promise.all([
      this.versions.get([...runs.values()].map(({ versionId }) => versionId)),
      this.tenants.get(tasks.map(({ tenantId }) => tenantId)),
    ]);
    return { runs, versions, tenants };
  }

  private async finish(committed: Committed, work: Work): Promise<void> {
    if (committed.tickets.length > 0) await this.tickets.issue(committed.tickets);
    const steps = work.kind === 'start' ? work.listeners.map(({ step }) => step) : work.step === undefined ? [] : [work.step];
    for (const { followUps, timers } of steps) {
      for (const { delayMs } of followUps) if (delayMs > 0) this.wakeUps.in(delayMs);
      for (const { until } of timers) this.wakeUps.in(Date.parse(until) - Date.now());
    }
  }

  private toolsOf(tenant: Tenant | undefined): StepTools {
    return { slow: this.options.slow, fusion: this.options.fusion, env: tenant?.env ?? {} };
  }
}

const crashLoop = (task: Task, nodeId: string, startedAt: string): Fact => ({
  type: 'node.failed',
  nodeId,
  attempt: task.attempt,
  error: { code: 'crash_loop', message: `It stopped its worker ${task.crashes} times.` },
  retryable: false,
  startedAt,
});

/** Postgres refuses the values themselves, and will refuse them again. */
const isUnstorable = (error: unknown): boolean => /^(22|23|54)/.test(codeOf(error) ?? '');

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
