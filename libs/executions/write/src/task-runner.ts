import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { type EngineCommand, executionIsOver, type Fact, inputOf, keyOf, TIMEOUT_HANDLE } from '@sluice/engine';
import { crashesMax, isSuspect, suspectGroups } from '@sluice/executions-domain';
import { compileExpression, truthy } from '@sluice/expressions';
import { isJsonObject, type Json } from '@sluice/kernel';
import { codeOf, isOutage, Overloaded, ServiceDatabase, storeClock } from '@sluice/platform-database';
import { failpoint } from '@sluice/platform-failpoints';
import { type TaskTicket, TicketHandler, Tickets } from '@sluice/platform-queue';
import { LOGGER, type Logger, withCorrelation } from '@sluice/platform-telemetry';
import { isReplayOrder, type KeptEvent } from '@sluice/webhooks-domain';
import { approvalUrlOf } from './approvals/approval-url.js';
import type { Death } from './dead-letters/bury-tasks.js';
import { FailingTasks } from './dead-letters/failing-tasks.js';
import { isolate, isPassing } from './dead-letters/isolate.js';
import { CallPlaces } from './effects/call-places.js';
import { EffectToolbox } from './effects/effect-toolbox.js';
import { type EffectJob, type EffectOutcome, performEffects } from './effects/perform-effects.js';
import { RequestRunner } from './requests/request-runner.js';
import { beginRun } from './steps/begin-run.js';
import { Blobs } from './steps/blobs.js';
import { Callees, isBeginPayload } from './steps/callees.js';
import type { Committed, EffectResult, HeldTask, StartWork, StepWork } from './steps/commit-steps.js';
import { Committer } from './steps/committer.js';
import { type BrokenVersion, CompiledVersions, isBroken, type PublishedVersion } from './steps/compiled-versions.js';
import { type Lease, Leases } from './steps/leases.js';
import { readLoopResults } from './steps/loop-results.js';
import { eventsSince, openWait } from './steps/match-events.js';
import { readRuns, type Run } from './steps/run.js';
import { type Beginning, failedStep, type Outcome, runStep, type Step, type StepTools } from './steps/run-step.js';
import { itemOf } from './steps/scope.js';
import { type Listener, listenersTo, readListeners, readRunThen, startOf, wants } from './steps/start-runs.js';
import {
  handBackTasks,
  handOnLines,
  type Line,
  parkTasks,
  putOffTasks,
  putOffTickets,
  readTasks,
  type Task,
  waitBehindHeads,
} from './steps/tasks.js';
import {
  consumeWaits,
  type EventWait,
  type Match,
  readEventWaits,
  readTakers,
  rememberMatches,
  type Resumption,
  type WaitOfCustomer,
} from './steps/waits.js';
import { type Tenant, TenantDirectory } from './tenant-directory.js';
import { Dispatcher } from './sweeps/dispatcher.js';
import { jobWaitSeconds } from './sweeps/queue-metrics.js';
import { WakeUps } from './sweeps/wake-ups.js';
import { WORKER_OPTIONS, type WorkerOptions } from './worker-options.js';

/** What a task wants of its run. Those of one run are decided together. */
interface Request {
  readonly task: Task;
  begin(version: PublishedVersion, run: Run): Beginning | Promise<Beginning>;
  readonly effect?: EffectResult;
  readonly read: Run | undefined;
  readonly version: Awaited<ReturnType<CompiledVersions['get']>> extends ReadonlyMap<string, infer Version> ? Version | undefined : never;
  readonly tenant: Tenant | undefined;
  settle(error?: unknown): void;
}

/** What decides how events start: who listens, who waits, and what they run. */
interface Seen {
  readonly listeners: readonly Listener[];
  /** By event that is replayed on the version of then: what it began when it came */
  readonly ranThen: ReadonlyMap<string, readonly Listener[]>;
  readonly waits: readonly WaitOfCustomer[];
  readonly versions: Awaited<ReturnType<CompiledVersions['get']>>;
  readonly tenants: Awaited<ReturnType<TenantDirectory['get']>>;
  /** Channels that a workflow listens to whose runs take turns */
  readonly takesTurns: ReadonlySet<string>;
}

/** After this long a line is handed on */
const lineMsMax = 500;
const lineKey = ({ tenantId, line }: { readonly tenantId: string; readonly line: string | null }): string => `${tenantId}/${line}`;

/** A call for which there is no place looks again after this long. */
const noPlaceMs = 250;
/** After this long a stop aborts the calls that are still under way. */
const drainMs = 15_000;
/** A run that is fenced this often in a row is left to a later ticket. */
const decisionsMax = 20;
/** Tasks of one run that are decided together */
const togetherMax = 64;
/** A ticket whose task cannot be read is looked at again after this long. */
const unreadableMs = 300_000;
/** For this long a worker takes one group of suspects after the other; the rest wait. */
const suspectsMs = 1_000;
/** For this long the outcome of a call is kept for a database that is away. */
const outcomeKeptMs = 20_000;
const outcomePauseMs = 500;

/**
 * The shell around the engine. Tickets say where to look; Postgres says what there is; every outcome goes through one fenced, grouped
 * commit. What fails alone is put off, and given up in the end (FailingTasks); whatever else fails here is found again by the sweeps.
 */
@Injectable()
export class TaskRunner extends TicketHandler implements BeforeApplicationShutdown {
  private readonly effectsInFlight = new Set<Promise<void>>();
  private readonly callPlaces = new CallPlaces();
  /** By run, what waits to be decided while another decision is under way here: all of it is the next one. */
  private readonly deciding = new Map<string, Request[]>();
  private readonly ticketsInFlight = new Set<Promise<void>>();
  private draining = false;
  private suspecting = false;
  /** When tickets last came; the sweeps poll Postgres when none did for a while. */
  lastTicketAt = performance.now();

  constructor(
    private readonly database: ServiceDatabase,
    private readonly versions: CompiledVersions,
    private readonly tenants: TenantDirectory,
    private readonly leases: Leases,
    private readonly committer: Committer,
    private readonly tickets: Tickets,
    private readonly dispatcher: Dispatcher,
    private readonly wakeUps: WakeUps,
    private readonly toolbox: EffectToolbox,
    private readonly blobs: Blobs,
    private readonly callees: Callees,
    private readonly requests: RequestRunner,
    private readonly failing: FailingTasks,
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
      .finally(() => {
        this.ticketsInFlight.delete(done);
        this.dispatcher.took(tickets.length);
      });
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
    const ready = await this.read(tickets);
    for (const { queue, waitedSeconds } of ready) jobWaitSeconds.observe({ queue }, Math.max(0, waitedSeconds));
    const requests = ready.filter(({ kind }) => kind === 'request');
    const tasks = ready.filter(({ kind }) => kind !== 'request');
    this.beginSuspects(tasks.filter(isSuspect));
    await Promise.all([this.requests.begin(requests), this.work(tasks.filter((task) => !isSuspect(task)))]);
    await failpoint('wrk.before_job_done');
  }

  private async read(tickets: readonly TaskTicket[]): Promise<readonly Task[]> {
    const tasks: Task[] = [];
    await isolate(
      tickets,
      async (some) => void tasks.push(...(await readTasks(this.database.pool, some))),
      async (some, error) => {
        if (isPassing(error)) throw error;
        this.logger.error({ reason: messageOf(error), tasks: some }, 'a task cannot be read');
        await putOffTickets(this.database.pool, some, unreadableMs);
      },
    );
    return tasks;
  }

  /** Resolves when all that runs in process has ended; calls go on by themselves. */
  private async work(tasks: readonly Task[]): Promise<{ readonly calls: Promise<void> }> {
    const of = (all: readonly Task[], ...kinds: Task['kind'][]) => all.filter(({ kind }) => kinds.includes(kind));
    const calls = await this.beginEffects(of(tasks, 'effect'));
    // A pure first attempt needs no lease: its commit proves that the task was still there. What was tried before may have killed its
    // worker.
    const steps = of(tasks, 'begin', 'match', 'step', 'resume', 'cancel');
    const leases = await this.leases.take(steps.filter(wasTried));
    if (leases.length > 0) await failpoint('wrk.after_claim');
    const free = [...steps.filter((task) => !wasTried(task)), ...leases.map(({ task }) => task)];
    await Promise.all([
      isolate(of(tasks, 'start'), (some) => this.runStarts(some), this.failed),
      this.runBegins(of(free, 'begin')),
      this.runMatches(of(free, 'match')),
      isolate(of(free, 'step', 'resume', 'cancel'), (some) => this.runSteps(some), this.failed),
    ]).finally(() => leases.forEach((lease) => lease.end()));
    return { calls: calls.over };
  }

  private readonly failed = (tasks: readonly Task[], error: unknown): Promise<void> => this.failing.failed(tasks, error);

  /** One group at a time in this worker. */
  private beginSuspects(suspects: readonly Task[]): void {
    if (suspects.length === 0) return;
    const work = this.workOnSuspects(suspects)
      .catch((error: unknown) => this.logger.warn({ reason: messageOf(error), tasks: suspects.length }, 'tasks left to the sweeps'))
      .finally(() => this.effectsInFlight.delete(work));
    this.effectsInFlight.add(work);
  }

  private async workOnSuspects(suspects: readonly Task[]): Promise<void> {
    const until = performance.now() + suspectsMs;
    const groups = suspectGroups(suspects);
    for (const [index, group] of groups.entries()) {
      if (this.draining || this.suspecting || performance.now() > until) return putOffTasks(this.database.pool, groups.slice(index).flat());
      this.suspecting = true;
      try {
        const { calls } = await this.work(group);
        await calls;
      } finally {
        this.suspecting = false;
      }
    }
  }

  // Starts -------------------------------------------------------------------------------------------------------------

  private async runStarts(tasks: readonly Task[]): Promise<void> {
    const seen = await this.seenBy(tasks);
    // Where runs take turns, events of one customer begin in the order in which they came, whoever's ticket was taken first.
    const inLine = tasks.flatMap(({ tenantId, line, webhookEvent }) =>
      line !== null && webhookEvent !== null && seen.takesTurns.has(webhookEvent.item.channelId) ? [{ tenantId, line }] : [],
    );
    const lines = new Map(inLine.map((one) => [lineKey(one), one]));
    const free = tasks.filter((task) => !lines.has(lineKey(task)));
    const leases = await this.leases.take(free.filter(wasTried));
    if (leases.length > 0) await failpoint('wrk.after_claim');
    await Promise.all([
      ...free.filter((task) => !wasTried(task)).map((task) => this.startAlone(task, seen)),
      ...leases.map((lease) => this.startAlone(lease.task, seen).finally(() => lease.end())),
      this.runLines(
        [...lines.values()],
        tasks.filter((task) => lines.has(lineKey(task))),
      ),
    ]);
  }

  private async startAlone(task: Task, seen: Seen): Promise<void> {
    if ((await this.start(task, seen)) === 'held') await handBackTasks(this.database.pool, [task]);
  }

  /**
   * Whoever has the head of a line goes on until it is empty: what others find behind it they may forget. A long line is handed on after a
   * while, so that it keeps nobody else's work from this worker; of a suspect's line, the first is taken alone.
   */
  private async runLines(lines: readonly Line[], tasks: readonly Task[]): Promise<void> {
    const began = performance.now();
    const alone = tasks.some(isSuspect);
    let left = lines;
    while (left.length > 0 && !this.draining && performance.now() - began < lineMsMax) {
      const leases = await this.leases.takeLines(left, alone);
      const taken = Map.groupBy(leases, ({ task }) => lineKey(task));
      const behind = left === lines ? tasks.filter((task) => !taken.has(lineKey(task))) : [];
      const looking = Promise.all([this.seenBy(leases.map(({ task }) => task)), waitBehindHeads(this.database.pool, behind)]);
      const [seen] = await this.orGiveBack(leases, looking);
      const stopped = new Set<string>();
      await Promise.all(
        [...taken].map(async ([key, line]) => {
          if ((await this.runLine(line, seen)) === 'stopped') stopped.add(key);
        }),
      );
      left = left.filter((line) => taken.has(lineKey(line)) && !stopped.has(lineKey(line)));
      if (alone) break;
    }
    await handOnLines(this.database.pool, left);
  }

  /** stopped: the tenant has as many runs as it may, or one failed and is tried again later; what is behind it waits with it. */
  private async runLine(leases: readonly Lease[], seen: Seen): Promise<'done' | 'stopped'> {
    for (const [index, lease] of leases.entries()) {
      const outcome = await this.start(lease.task, seen).finally(() => lease.end());
      if (outcome === 'done') continue;
      const rest = leases.slice(index + 1);
      for (const one of rest) one.end();
      await handBackTasks(
        this.database.pool,
        [...(outcome === 'held' ? [lease] : []), ...rest].map(({ task }) => task),
      );
      return 'stopped';
    }
    return 'done';
  }

  /** What decides how these events start. */
  private async seenBy(tasks: readonly Task[]): Promise<Seen> {
    const events = tasks.flatMap(({ tenantId, webhookEvent }) =>
      webhookEvent === null ? [] : [{ tenantId, ...webhookEvent.item, id: webhookEvent.id }],
    );
    const ofCustomers = events.flatMap(({ customerId, ...event }) => (customerId === null ? [] : [{ ...event, customerId }]));
    const ofThen = tasks.flatMap(({ tenantId, payload, webhookEvent }) =>
      webhookEvent !== null && isReplayOrder(payload) && payload.version === 'same'
        ? [{ tenantId, channelId: webhookEvent.item.channelId, id: webhookEvent.id }]
        : [],
    );
    const [listeners, waits, ranThen] = await Promise.all([
      readListeners(
        this.database.pool,
        events.map(({ tenantId, channelId }) => ({ tenantId, channelId })),
      ),
      readEventWaits(this.database.pool, ofCustomers),
      readRunThen(this.database.pool, ofThen),
    ]);
    const all = [...listeners, ...[...ranThen.values()].flat()];
    const [versions, tenants] = await Promise.all([
      this.versions.get(all.map(({ versionId }) => versionId)),
      this.tenants.get(events.map(({ tenantId }) => tenantId)),
    ]);
    const takesTurns = all.flatMap(({ channelId, versionId }) => {
      const version = versions.get(versionId);
      return version !== undefined && !isBroken(version) && version.settings.concurrency !== undefined ? [channelId] : [];
    });
    return { listeners, ranThen, waits, versions, tenants, takesTurns: new Set(takesTurns) };
  }

  /** held: the tenant has as many runs as it may. failed: it is tried again later. */
  private async start(task: Task, seen: Seen): Promise<'done' | 'held' | 'failed'> {
    const { webhookEvent: event } = task;
    if (event === null) return 'done';
    return withCorrelation({ correlationId: event.correlationId, tenantId: task.tenantId }, () =>
      this.startEvent(task, event, seen).catch((error: unknown) => this.failed([task], error).then(() => 'failed' as const)),
    );
  }

  private async startEvent(task: Task, event: NonNullable<Task['webhookEvent']>, seen: Seen): Promise<'done' | 'held'> {
    const { tenantId } = task;
    const { id, item } = event;
    const { channelId, customerId } = item;
    let { waits } = seen;
    let takers: ReadonlySet<string> = new Set();
    for (let decision = 1; decision <= decisionsMax; decision += 1) {
      const work = await this.startWork(task, event, { ...seen, waits }, takers);
      const committed = await this.committer.add(work).catch((error: unknown) => {
        if (!isUnstorable(error)) throw error;
        return this.startApart(task, work, error);
      });
      if (committed.outcome === 'held' || committed.outcome === 'spent') return 'held';
      if (committed.outcome !== 'fenced') {
        this.wakeFor(committed.begun);
        return 'done';
      }
      // One that waited for it has gone on meanwhile: with something else, or with this very event.
      if (customerId === null) continue;
      waits = await readEventWaits(this.database.pool, [{ tenantId, id, channelId, customerId }]);
      takers = new Set((await readTakers(this.database.pool, [{ tenantId, eventId: id }])).map(({ workflowId }) => workflowId));
    }
    throw new Overloaded(`Those who wait for the event ${id} moved on ${decisionsMax} times in a row.`);
  }

  /**
   * An event whose start cannot be stored fails with the reason: it would be tried for ever, and nothing of it would ever be seen. Of several
   * that listen, each begins for itself, so that one keeps nothing from the others.
   */
  private async startApart(task: Task, work: StartWork, error: unknown): Promise<Committed> {
    const orUndefined = (refusal: unknown): undefined => {
      if (!isUnstorable(refusal)) throw refusal;
    };
    const begun: Step[] = [];
    const refused: StartWork['listeners'][number][] = [];
    for (const listener of work.listeners) {
      const alone: StepWork = { kind: 'step', tasks: [], step: undefined, begun: [listener.begun] };
      const committed = await this.committer.add(alone).catch(orUndefined);
      if (committed === undefined) refused.push(listener);
      else begun.push(...committed.begun);
    }
    const failure = { code: 'not_storable', message: messageOf(error) };
    const workflowId = refused[0]?.begun.step.run.workflowId;
    const rest: StartWork = {
      ...work,
      tasks: [held(task, { reason: 'not_storable', error: failure, workflowId })],
      listeners: [],
      failure,
      begunApart: begun.map(({ run }) => run.id),
    };
    const last = (await this.committer.add(rest).catch(orUndefined)) ?? (await this.committer.add({ ...rest, matches: [] }));
    return { ...last, begun: [...begun, ...last.begun] };
  }

  /** `takers`: the workflows whose runs took the event for themselves before it began any */
  private async startWork(
    task: Task,
    event: NonNullable<Task['webhookEvent']>,
    seen: Seen,
    takers: ReadonlySet<string>,
  ): Promise<StartWork> {
    const item: KeptEvent = { ...event.item, id: event.id };
    const kept: Json = JSON.parse(JSON.stringify(item));
    const order = isReplayOrder(task.payload) ? task.payload : undefined;
    const base = {
      kind: 'start',
      tasks: [held(task)],
      tenantId: task.tenantId,
      webhookEventId: event.id,
      correlationId: event.correlationId,
      limits: seen.tenants.get(task.tenantId)?.runLimits,
      item: kept,
      ...(order === undefined ? {} : { replayId: order.replayId }),
    } as const;
    if (task.crashes >= crashesMax) {
      const dies = crashLoop(task, 'Starting it');
      return { ...base, tasks: [held(task, dies)], listeners: [], matches: [], failure: dies.error };
    }
    const whole = await this.blobs.resolve(task.tenantId, kept);
    // Who waits has gone on with the event when it came, or waits for another.
    const waiting = order === undefined ? seen.waits : [];
    const here = waiting.filter((wait) => wait.channelId === item.channelId && wait.customerId === item.customerId);
    const matches: (EventWait & Match)[] = [];
    for (const wait of here) {
      if (wait.tenantId !== task.tenantId || wait.past.includes(event.id) || !(await this.fits(wait, item, whole))) continue;
      matches.push({ ...wait, eventId: event.id });
    }
    const taken = new Set([...takers, ...matches.flatMap(({ exclusive, workflowId }) => (exclusive ? [workflowId] : []))]);

    const begun: StartWork['listeners'][number][] = [];
    let broken: Death | undefined;
    for (const listener of listenersTo(event.id, order, seen)) {
      const version = seen.versions.get(listener.versionId);
      if (taken.has(listener.workflowId)) continue;
      if (!(await wants(listener, item, whole, task.tenantId, this.options.slowFor(task.tenantId)))) continue;
      // Not read is not gone: the task stays.
      if (version === undefined) throw new Error(`version ${listener.versionId} could not be read`);
      if (isBroken(version)) {
        broken ??= { ...brokenBy(version), workflowId: listener.workflowId };
        continue;
      }
      // What is published since it was registered may have no such node, or another one by that name: nothing begins in its middle.
      if (version.compiled.programs.get(listener.nodeId)?.type.type !== 'trigger.webhook') continue;
      const start = startOf(listener, item, event.correlationId, order?.replayId);
      const run = await beginRun(version, start, this.toolsOf(seen.tenants.get(task.tenantId)));
      begun.push({ webhookId: listener.webhookId, begun: run });
    }
    return {
      ...base,
      listeners: begun,
      matches,
      ...(broken === undefined ? {} : { tasks: [held(task, broken)], failure: broken.error }),
    };
  }

  /** A condition that fails to evaluate fits nothing. `event`: `item` with its large members in their places */
  private async fits({ tenantId, kinds, condition, scope }: EventWait, item: KeptEvent, event: Json): Promise<boolean> {
    if (kinds.length > 0 && !kinds.includes(item.kind) && !kinds.includes(item.action)) return false;
    if (condition === null) return true;
    const nothing = { trigger: null, input: null, nodes: {}, execution: {}, workflow: {}, customer: { id: item.customerId }, env: {} };
    try {
      const seen = { ...nothing, ...scope, event };
      return truthy(await compileExpression(condition).evaluate(seen, this.options.slowFor(tenantId)));
    } catch (error) {
      // Not now is not no.
      if (isPassing(error)) throw error;
      return false;
    }
  }

  /** Runs that begin for another reason than an event: a schedule, a failure, a replay. */
  private async runBegins(tasks: readonly Task[]): Promise<void> {
    await Promise.all(tasks.map((task) => this.begin(task).catch((error: unknown) => this.failed([task], error))));
  }

  private async begin(task: Task): Promise<void> {
    const { payload, crashes, tenantId } = task;
    const workflowId = isBeginPayload(payload) ? payload.workflowId : undefined;
    const tenants = await this.tenants.get([tenantId]);
    const begun =
      crashes >= crashesMax
        ? { ...crashLoop(task, 'Beginning it'), workflowId }
        : await this.callees.fromTask(task, this.toolsOf(tenants.get(tenantId)));
    const work: StepWork =
      'reason' in begun
        ? { kind: 'step', tasks: [held(task, begun)], step: undefined }
        : { kind: 'step', tasks: [held(task)], step: undefined, begun: [begun], limits: tenants.get(tenantId)?.runLimits };
    const committed = await this.committer.add(work).catch((error: unknown) => {
      if (!isUnstorable(error)) throw error;
      const dies: Death = { reason: 'not_storable', error: { code: 'not_storable', message: messageOf(error) }, workflowId };
      return this.committer.add({ kind: 'step', tasks: [held(task, dies)], step: undefined });
    });
    if (committed.outcome === 'held' || committed.outcome === 'spent') await handBackTasks(this.database.pool, [task]);
    this.wakeFor(committed.begun);
  }

  private async runMatches(tasks: readonly Task[]): Promise<void> {
    for (const task of tasks) await this.match(task).catch((error: unknown) => this.failed([task], error));
  }

  /** Looks for an event that came after the run began and before it waited. The first that fits is taken. */
  private async match(task: Task): Promise<void> {
    const { tenantId, executionId, nodeId, iteration } = task;
    if (executionId === null || nodeId === null) return;
    if (task.crashes >= crashesMax) {
      await this.committer.add({ kind: 'step', tasks: [held(task, crashLoop(task, 'Looking for its event'))], step: undefined });
      return;
    }
    const place = { tenantId, executionId, nodeId, iteration };
    const wait = await openWait(this.database.pool, place);
    let found: { readonly eventId: string; readonly output: Json } | undefined;
    for (const item of wait === undefined ? [] : await eventsSince(this.database.pool, wait)) {
      const output: Json = JSON.parse(JSON.stringify(item));
      if (wait === undefined || !(await this.fits(wait, item, await this.blobs.resolve(tenantId, output)))) continue;
      found = { eventId: item.id, output };
      break;
    }
    const tickets = await this.database.withClient(async (client) => {
      await client.query('DELETE FROM tasks WHERE id = $1 AND epoch = $2', [task.id, task.epoch]);
      if (found === undefined) return [];
      const { eventId, output } = found;
      const resumption: Resumption = { type: 'completed', handle: 'out', output };
      const consumed = await consumeWaits(client, [{ ...place, resumption }]);
      if (consumed.length > 0) await rememberMatches(client, [{ ...place, eventId, exclusive: wait?.exclusive === true }]);
      return consumed;
    });
    if (tickets.length > 0) await this.tickets.issue(tickets);
  }

  // Steps --------------------------------------------------------------------------------------------------------------

  private async runSteps(tasks: readonly Task[]): Promise<void> {
    const { runs, versions, tenants } = await this.readAll(tasks);
    // Paused since the task was issued, or left by a worker that died: it waits until its run is resumed.
    const isPaused = ({ executionId }: Task) => runs.get(executionId ?? '')?.state.status === 'paused';
    const parked = await parkTasks(
      this.database.pool,
      tasks.filter((task) => task.kind === 'step' && isPaused(task)),
    );
    const due = tasks.filter(({ id }) => !parked.has(id));
    await Promise.all(
      due.map((task) => {
        const read = runs.get(task.executionId ?? '');
        return withCorrelation({ correlationId: read?.correlationId ?? '', tenantId: task.tenantId }, () =>
          this.decide({
            task,
            read,
            version: versions.get(read?.versionId ?? ''),
            tenant: tenants.get(task.tenantId),
            begin: (version, run) => this.beginningOf(task, version, run),
          }).catch((error: unknown) => this.failed([task], error)),
        );
      }),
    );
  }

  private async beginningOf(task: Task, version: PublishedVersion, run: Run): Promise<Beginning> {
    const { iteration, attempt } = task;
    if (task.kind === 'cancel') {
      const reason = isJsonObject(task.payload) ? task.payload['reason'] : undefined;
      return { facts: [{ type: 'run.cancelled', by: 'sluice', ...(typeof reason === 'string' && { reason }) }] };
    }
    // It was called, or has waited for its turn: nothing of it has run.
    if (run.state.nodes.size === 0 && task.kind === 'step') return { facts: [{ type: 'run.started' }] };
    const nodeId = task.nodeId ?? '';
    if (task.crashes >= crashesMax) return { facts: [crashed(task, nodeId)] };
    if (task.kind === 'step') return { facts: [], commands: [{ type: 'runNode', nodeId, iteration, attempt }] };
    if (nodeId === '') {
      const ms = version.settings.deadlineMs;
      return { facts: [{ type: 'run.failed', error: { code: 'deadline_exceeded', message: `The run was not over after ${ms} ms.` } }] };
    }
    return { facts: [await this.resumptionOf(task, nodeId, version, run)] };
  }

  /** How a node that waited goes on. */
  private async resumptionOf({ payload, iteration }: Task, nodeId: string, version: PublishedVersion, run: Run): Promise<Fact> {
    const { state } = run;
    const place = { nodeId, iteration, startedAt: state.nodes.get(keyOf(nodeId, iteration))?.startedAt };
    const passOn = async (handle: string): Promise<Fact> => {
      const output = inputOf(version.compiled, state, nodeId, iteration, await itemOf(run, state, iteration, this.blobs));
      return { type: 'node.completed', ...place, handle, output };
    };
    if (!isJsonObject(payload)) return passOn('out');
    const { type, handle, output = null, error } = payload;
    if (type === 'timeout') return passOn(TIMEOUT_HANDLE);
    if (type === 'failed' && isJsonObject(error)) {
      const { code, message, details } = error;
      const said = { code: String(code), message: String(message), ...(details === undefined ? {} : { details }) };
      return { type: 'node.failed', ...place, error: said, retryable: false };
    }
    return { type: 'node.completed', ...place, handle: String(handle), output, bytes: JSON.stringify(output).length };
  }

  /** Resolves when it is committed, or when the task has nothing left to do. */
  private decide(request: Omit<Request, 'settle'>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const settle = (error?: unknown) => (error === undefined ? resolve() : reject(error));
    const runId = request.task.executionId ?? '';
    const waiting = this.deciding.get(runId);
    if (waiting !== undefined) waiting.push({ ...request, settle });
    else void this.decideAll(runId, [{ ...request, settle }]);
    return promise;
  }

  private async decideAll(runId: string, waiting: Request[]): Promise<void> {
    this.deciding.set(runId, waiting);
    let { read } = waiting[0] ?? {};
    while (waiting.length > 0) {
      const together = waiting.splice(0, togetherMax);
      await isolate(
        together,
        async (some) => {
          await this.decideTogether(some, together.length === 1 ? read : undefined);
          for (const { settle } of some) settle();
        },
        (some, error) => Promise.resolve(some.forEach(({ settle }) => settle(error))),
      );
      read = undefined;
    }
    this.deciding.delete(runId);
  }

  /** Decides, commits, and decides again with what the nodes came to for as long as the run has moved on meanwhile. */
  private async decideTogether(requests: readonly Request[], read: Run | undefined): Promise<void> {
    let left = requests;
    let run = read ?? (await this.readRun(left));
    let outcomes: Step['outcomes'] = new Map();
    for (let decision = 1; decision <= decisionsMax; decision += 1) {
      const { step, broken } = await this.stepOf(run, left, outcomes);
      outcomes = step?.outcomes ?? outcomes;
      const work: StepWork = {
        kind: 'step',
        tasks: left.map(({ task }, index) => held(task, deathBy(step, task) ?? (index === 0 ? broken : undefined))),
        step,
        effects: left.flatMap(({ effect }) => effect ?? []),
      };
      const committed = await this.committer.add(work).catch((error: unknown) => {
        const [only, ...others] = left;
        if (!isUnstorable(error) || run === undefined || only === undefined || others.length > 0) throw error;
        const dies: Death = { reason: 'not_storable', error: { code: 'not_storable', message: messageOf(error) } };
        return this.committer.add({ ...work, tasks: [held(only.task, dies)], step: failedStep(run, dies.error), effects: [] });
      });
      if (committed.outcome === 'committed') return this.wakeFor([...(step === undefined ? [] : [step]), ...committed.begun]);
      left = left.filter(({ task }) => committed.outcome === 'fenced' && !committed.gone.includes(task.id));
      if (left.length === 0) return;
      const decidedAs = run?.versionId;
      run = await this.readRun(left);
      // In another version its nodes come to something else.
      if (run?.versionId !== decidedAs) outcomes = new Map();
    }
    throw new Overloaded(`The run ${run?.id} moved on ${decisionsMax} times in a row.`);
  }

  /** Without a step: the run is over or gone, and the tasks have nothing left to do. */
  private async stepOf(
    run: Run | undefined,
    requests: readonly Request[],
    outcomes: Step['outcomes'],
  ): Promise<{ readonly step: Step | undefined; readonly broken?: Death }> {
    if (run === undefined || executionIsOver(run.state)) return { step: undefined };
    const [first] = requests;
    // A run may have been moved to another version meanwhile.
    const known = first?.version?.id === run.versionId ? first.version : (await this.versions.get([run.versionId])).get(run.versionId);
    // Not read is not gone: the task stays.
    if (known === undefined) throw new Error(`version ${run.versionId} could not be read`);
    if (isBroken(known)) {
      const broken = brokenBy(known);
      return { step: failedStep(run, broken.error), broken };
    }
    const beginnings = await Promise.all(requests.map(({ begin }) => begin(known, run)));
    const facts = beginnings.flatMap((one) => one.facts);
    const commands = beginnings.flatMap((one): readonly EngineCommand[] => one.commands ?? []);
    return { step: await runStep(known, run, { facts, commands }, this.toolsOf(first?.tenant), outcomes) };
  }

  private async readRun(requests: readonly Request[]): Promise<Run | undefined> {
    const [first] = requests;
    if (first === undefined || first.task.executionId === null) return undefined;
    const { tenantId, executionId } = first.task;
    const iterations = requests.map(({ task }) => task.iteration);
    return (await readRuns(this.database.pool, [{ tenantId, executionId, iterations }])).get(executionId);
  }

  // Effects ------------------------------------------------------------------------------------------------------------

  /**
   * An effect must be one worker's alone, so each needs a lease; and a place, so that slow targets keep this worker from nothing else, nor
   * those of one tenant from another's. The calls go on by themselves: a slow target keeps no ticket waiting. `over` resolves with the last.
   */
  private async beginEffects(tasks: readonly Task[]): Promise<{ readonly over: Promise<void> }> {
    if (tasks.length === 0) return { over: Promise.resolve() };
    const tenants = await this.tenants.get(tasks.map(({ tenantId }) => tenantId));
    const placed = new Set(tasks.filter(({ tenantId }) => this.callPlaces.take(tenantId, tenants.get(tenantId)?.weight ?? 1)));
    const giveBack = ({ tenantId }: Task) => {
      this.callPlaces.giveBack(tenantId);
      this.dispatcher.took(1);
    };
    const withoutPlace = tasks.filter((task) => !placed.has(task));
    // Leases last: nothing may fail between their beginning and the calls, which end them.
    const leases = await putOffTasks(this.database.pool, withoutPlace, noPlaceMs)
      .then(() => this.leases.take([...placed], giveBack))
      .catch((error: unknown) => {
        placed.forEach(giveBack);
        throw error;
      });
    if (leases.length > 0) await failpoint('wrk.after_claim');
    const over = isolate(leases, (some) => this.runEffects(some), this.failedCalls).finally(() => this.effectsInFlight.delete(over));
    this.effectsInFlight.add(over);
    return { over };
  }

  private readonly failedCalls = async (leases: readonly Lease[], error: unknown): Promise<void> => {
    const tasks = leases.map(({ task }) => task);
    await this.failed(tasks, error);
    for (const lease of leases) lease.end();
  };

  /** Rejects only before the first call: then nothing was sent. */
  private async runEffects(leases: readonly Lease[]): Promise<void> {
    const { runs, versions, tenants } = await this.readAll(leases.map(({ task }) => task));
    const jobs: EffectJob[] = [];
    const others: Promise<void>[] = [];
    const commit = (lease: Lease, outcome: Outcome | undefined, read: Run | undefined, effect?: EffectResult) =>
      withCorrelation({ correlationId: read?.correlationId ?? '', tenantId: lease.task.tenantId }, () =>
        this.decideAsLongAsHeld(lease, {
          task: lease.task,
          read,
          version: versions.get(read?.versionId ?? ''),
          tenant: tenants.get(lease.task.tenantId),
          begin: () => ({ facts: outcome === undefined ? [] : [outcome] }),
          ...(effect === undefined ? {} : { effect }),
        })
          .catch(async (error: unknown) => {
            // Its step cannot be written; what was sent is not sent again for that.
            if (effect !== undefined)
              await this.committer.add({ kind: 'step', tasks: [], step: undefined, effects: [effect] }).catch(() => {});
            await this.failed([lease.task], error);
          })
          .finally(() => lease.end()),
      );
    const isPaused = ({ task }: Lease) => runs.get(task.executionId ?? '')?.state.status === 'paused';
    const paused = leases.filter(isPaused).map(({ task }) => task);
    const parked = await parkTasks(this.database.pool, paused);
    for (const lease of leases) {
      const { task } = lease;
      if (parked.has(task.id)) {
        lease.end();
        continue;
      }
      const run = runs.get(task.executionId ?? '');
      const version = versions.get(run?.versionId ?? '');
      const tenant = tenants.get(task.tenantId);
      const nodeId = task.nodeId ?? '';
      const due =
        run !== undefined && !executionIsOver(run.state) && run.state.nodes.get(keyOf(nodeId, task.iteration))?.attempt === task.attempt;
      if (due && version !== undefined && !isBroken(version) && tenant !== undefined && task.crashes < crashesMax) {
        jobs.push({ lease, run, version, tenant, nodeId, iteration: task.iteration });
      } else {
        others.push(commit(lease, task.crashes >= crashesMax ? { fact: crashed(task, nodeId) } : undefined, run));
      }
    }
    const performed = performEffects(
      this.database,
      jobs,
      (tenant) => this.toolsOf(tenant),
      (job, key, signal, intent) => this.toolbox.toolsFor(job, key, signal, intent),
      ({ job, outcome, result }: EffectOutcome) => commit(job.lease, outcome, job.run, result),
      ({ lease }, error) => this.failedCalls([lease], error),
    );
    await Promise.all([...others, performed]);
  }

  /** What became of a call is known here alone until it is written: a database that is away for a moment must not make it a doubt. */
  private async decideAsLongAsHeld(lease: Lease, request: Omit<Request, 'settle'>): Promise<void> {
    const until = performance.now() + outcomeKeptMs;
    for (;;) {
      try {
        return await this.decide(request);
      } catch (error) {
        if (!isOutage(error) || lease.signal.aborted || performance.now() > until) throw error;
        await new Promise((resolve) => setTimeout(resolve, outcomePauseMs));
      }
    }
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
      tasks.flatMap(({ tenantId, executionId, iteration }) =>
        executionId === null ? [] : [{ tenantId, executionId, iterations: [iteration] }],
      ),
    );
    const [versions, tenants] = await Promise.all([
      this.versions.get([...runs.values()].map(({ versionId }) => versionId)),
      this.tenants.get(tasks.map(({ tenantId }) => tenantId)),
    ]);
    return { runs, versions, tenants };
  }

  /** What these steps left for a time that is near is looked for then. */
  private wakeFor(steps: readonly Step[]): void {
    for (const { followUps, timers, waits } of steps) {
      for (const { delayMs } of followUps) if (delayMs > 0) this.wakeUps.in(delayMs);
      for (const { until } of [...timers, ...waits])
        if (until !== undefined) this.wakeUps.in(Date.parse(until) - storeClock.now().getTime());
    }
  }

  private toolsOf(tenant: Tenant | undefined): StepTools {
    const tools: StepTools = {
      slow: this.options.slowFor(tenant?.id ?? ''),
      fusion: this.options.fusion,
      env: tenant?.env ?? {},
      blobs: this.blobs,
      results: (run, prefix, loopId) => readLoopResults(this.database.pool, run, prefix, loopId),
      callee: (run, workflowId, version) => this.callees.find(run, workflowId, version, tools),
      approvalUrl: (run, nodeId, iteration) => approvalUrlOf(this.options.publicUrl, tenant, run, nodeId, iteration),
    };
    return tools;
  }
}

/** It may have killed its worker. */
const wasTried = ({ gen }: Task): boolean => gen > 1;

const held = ({ id, epoch }: Task, dies?: Death): HeldTask => ({ id, epoch, ...(dies === undefined ? {} : { dies }) });

const crashLoop = ({ crashes }: Task, what = 'It'): Death => ({
  reason: 'crash_loop',
  error: { code: 'crash_loop', message: `${what} stopped its worker ${crashes} times.` },
});

const brokenBy = ({ brokenBecause }: BrokenVersion): Death => ({
  reason: 'workflow_broken',
  error: { code: 'workflow_broken', message: brokenBecause },
});

/** A crash loop that nothing in the run took over */
const deathBy = (step: Step | undefined, task: Task): Death | undefined =>
  step?.state.status === 'failed' && task.crashes >= crashesMax ? crashLoop(task) : undefined;

function crashed(task: Task, nodeId: string): Fact {
  const { attempt, iteration } = task;
  const { error } = crashLoop(task);
  // The deadline of the run
  if (nodeId === '') return { type: 'run.failed', error };
  return { type: 'node.failed', nodeId, iteration, attempt, error, retryable: false, startedAt: storeClock.now().toISOString() };
}

/** Postgres refuses the values themselves, and will refuse them again. */
const isUnstorable = (error: unknown): boolean => /^(22|23|54)/.test(codeOf(error) ?? '');

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
