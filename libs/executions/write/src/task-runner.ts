import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { type EngineCommand, executionIsOver, type Fact, inputOf, keyOf, TIMEOUT_HANDLE } from '@sluice/engine';
import { compileExpression, truthy } from '@sluice/expressions';
import { isJsonObject, type Json } from '@sluice/kernel';
import { codeOf, ServiceDatabase, storeClock } from '@sluice/platform-database';
import { failpoint } from '@sluice/platform-failpoints';
import { type TaskTicket, TicketHandler, Tickets } from '@sluice/platform-queue';
import { LOGGER, type Logger, withCorrelation } from '@sluice/platform-telemetry';
import type { TriggerEvent } from '@sluice/webhooks-domain';
import { approvalUrlOf } from './approvals/approval-url.js';
import { CallPlaces } from './effects/call-places.js';
import { EffectToolbox } from './effects/effect-toolbox.js';
import { type EffectJob, type EffectOutcome, performEffects } from './effects/perform-effects.js';
import { RequestRunner } from './requests/request-runner.js';
import { beginRun } from './steps/begin-run.js';
import { Blobs } from './steps/blobs.js';
import { Callees } from './steps/callees.js';
import type { EffectResult, StartWork, StepWork } from './steps/commit-steps.js';
import { Committer } from './steps/committer.js';
import { CompiledVersions, isBroken, type PublishedVersion } from './steps/compiled-versions.js';
import { type Lease, Leases } from './steps/leases.js';
import { readLoopResults } from './steps/loop-results.js';
import { eventsSince, openWait } from './steps/match-events.js';
import { readRuns, type Run } from './steps/run.js';
import { type Beginning, failedStep, type Outcome, runStep, type Step, type StepTools } from './steps/run-step.js';
import { itemOf } from './steps/scope.js';
import { type Listener, readListeners, startOf, wants } from './steps/start-runs.js';
import { handBackTasks, handOnLines, type Line, parkTasks, putOffTasks, readTasks, type Task } from './steps/tasks.js';
import { consumeWaits, type EventWait, readEventWaits, rememberMatches, type Resumption } from './steps/waits.js';
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
  readonly waits: readonly (EventWait & { readonly channelId: string; readonly customerId: string })[];
  readonly versions: Awaited<ReturnType<CompiledVersions['get']>>;
  readonly tenants: Awaited<ReturnType<TenantDirectory['get']>>;
  /** Channels that a workflow listens to whose runs take turns */
  readonly takesTurns: ReadonlySet<string>;
}

/** After this long a line is handed on */
const lineMsMax = 500;
const lineKey = ({ tenantId, line }: { readonly tenantId: string; readonly line: string | null }): string => `${tenantId}/${line}`;

const crashesMax = 3;
/** A call for which there is no place looks again after this long. */
const noPlaceMs = 250;
/** After this long a stop aborts the calls that are still under way. */
const drainMs = 15_000;
/** A run that is fenced this often in a row is left to a later ticket. */
const decisionsMax = 20;
/** Tasks of one run that are decided together */
const togetherMax = 64;

/**
 * The shell around the engine. Tickets say where to look; Postgres says what there is; every outcome goes through one fenced, grouped
 * commit. Whatever fails here is found again by the sweeps.
 */
@Injectable()
export class TaskRunner extends TicketHandler implements BeforeApplicationShutdown {
  private readonly effectsInFlight = new Set<Promise<void>>();
  private readonly callPlaces = new CallPlaces();
  /** By run, what waits to be decided while another decision is under way here: all of it is the next one. */
  private readonly deciding = new Map<string, Request[]>();
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
    private readonly dispatcher: Dispatcher,
    private readonly wakeUps: WakeUps,
    private readonly toolbox: EffectToolbox,
    private readonly blobs: Blobs,
    private readonly callees: Callees,
    private readonly requests: RequestRunner,
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
    const ready = await readTasks(this.database.pool, tickets);
    for (const { queue, waitedSeconds } of ready) jobWaitSeconds.observe({ queue }, Math.max(0, waitedSeconds));
    const of = (tasks: readonly Task[], ...kinds: Task['kind'][]) => tasks.filter(({ kind }) => kinds.includes(kind));
    await this.beginEffects(of(ready, 'effect'));

    // A pure first attempt needs no lease: its commit proves that the task was still there. What was tried before may have killed its
    // worker.
    const steps = of(ready, 'begin', 'match', 'step', 'resume', 'cancel');
    const leases = await this.leases.take(steps.filter(({ gen }) => gen > 1));
    if (leases.length > 0) await failpoint('wrk.after_claim');
    const free = [...steps.filter(({ gen }) => gen === 1), ...leases.map(({ task }) => task)];
    await Promise.all([
      this.requests.begin(of(ready, 'request')),
      this.runStarts(of(ready, 'start')),
      this.runBegins(of(free, 'begin')),
      this.runMatches(of(free, 'match')),
      this.runSteps(of(free, 'step', 'resume', 'cancel')),
    ]).finally(() => leases.forEach((lease) => lease.end()));
    await failpoint('wrk.before_job_done');
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
    const suspicious = ({ gen }: Task) => gen > 1;
    const leases = await this.leases.take(free.filter(suspicious));
    if (leases.length > 0) await failpoint('wrk.after_claim');
    await Promise.all([
      ...free.filter((task) => !suspicious(task)).map((task) => this.startAlone(task, seen)),
      ...leases.map((lease) => this.startAlone(lease.task, seen).finally(() => lease.end())),
      this.runLines([...lines.values()]),
    ]);
  }

  private async startAlone(task: Task, seen: Seen): Promise<void> {
    if ((await this.start(task, seen)) === 'held') await handBackTasks(this.database.pool, [task]);
  }

  /**
   * Whoever has the head of a line goes on until it is empty: what others find behind it they may forget. A long line is handed on after a
   * while, so that it keeps nobody else's work from this worker.
   */
  private async runLines(lines: readonly Line[]): Promise<void> {
    const began = performance.now();
    let left = lines;
    while (left.length > 0 && !this.draining && performance.now() - began < lineMsMax) {
      const leases = await this.leases.takeLines(left);
      const seen = await this.orGiveBack(leases, this.seenBy(leases.map(({ task }) => task)));
      const taken = Map.groupBy(leases, ({ task }) => lineKey(task));
      const held = new Set<string>();
      await Promise.all([...taken].map(async ([key, line]) => ((await this.runLine(line, seen)) === 'held' ? held.add(key) : undefined)));
      left = left.filter((line) => taken.has(lineKey(line)) && !held.has(lineKey(line)));
    }
    await handOnLines(this.database.pool, left);
  }

  /** held: the tenant has as many runs as it may; the rest of the line waits with the first of it. */
  private async runLine(leases: readonly Lease[], seen: Seen): Promise<'done' | 'held'> {
    for (const [index, lease] of leases.entries()) {
      const rest = leases.slice(index + 1);
      try {
        if ((await this.start(lease.task, seen)) === 'held') {
          await handBackTasks(
            this.database.pool,
            [lease, ...rest].map(({ task }) => task),
          );
          for (const one of rest) one.end();
          return 'held';
        }
      } catch (error) {
        await this.leases.giveBack(rest).catch(() => {});
        throw error;
      } finally {
        lease.end();
      }
    }
    return 'done';
  }

  /** What decides how these events start. */
  private async seenBy(tasks: readonly Task[]): Promise<Seen> {
    const events = tasks.flatMap(({ tenantId, webhookEvent }) => (webhookEvent === null ? [] : [{ tenantId, ...webhookEvent.item }]));
    const customers = events.flatMap(({ tenantId, channelId, customerId }) =>
      customerId === null ? [] : [{ tenantId, channelId, customerId }],
    );
    const [listeners, waits] = await Promise.all([
      readListeners(
        this.database.pool,
        events.map(({ tenantId, channelId }) => ({ tenantId, channelId })),
      ),
      readEventWaits(this.database.pool, customers),
    ]);
    const [versions, tenants] = await Promise.all([
      this.versions.get(listeners.map(({ versionId }) => versionId)),
      this.tenants.get(events.map(({ tenantId }) => tenantId)),
    ]);
    const takesTurns = listeners.flatMap(({ channelId, versionId }) => {
      const version = versions.get(versionId);
      return version !== undefined && !isBroken(version) && version.settings.concurrency !== undefined ? [channelId] : [];
    });
    return { listeners, waits, versions, tenants, takesTurns: new Set(takesTurns) };
  }

  private async start(task: Task, seen: Seen): Promise<'done' | 'held'> {
    const { webhookEvent: event } = task;
    if (event === null) return 'done';
    return withCorrelation({ correlationId: event.correlationId, tenantId: task.tenantId }, () => this.startEvent(task, event, seen));
  }

  private async startEvent(task: Task, event: NonNullable<Task['webhookEvent']>, seen: Seen): Promise<'done' | 'held'> {
    let { waits } = seen;
    for (let decision = 1; decision <= decisionsMax; decision += 1) {
      const work = await this.startWork(task, event, { ...seen, waits });
      const committed = await this.committer.add(work).catch((error: unknown) => {
        // An event whose start cannot be stored fails with the reason: it would be tried for ever, and nothing of it would ever be seen.
        if (!isUnstorable(error)) throw error;
        return this.committer.add({
          ...work,
          listeners: [],
          matches: [],
          failure: { code: 'not_storable', message: messageOf(error) },
        });
      });
      if (committed.outcome === 'held') return 'held';
      if (committed.outcome !== 'fenced') {
        this.wakeFor(committed.begun);
        return 'done';
      }
      // One that waited for it has gone on with something else meanwhile.
      const { channelId, customerId } = event.item;
      waits = customerId === null ? [] : await readEventWaits(this.database.pool, [{ tenantId: task.tenantId, channelId, customerId }]);
    }
    return 'done';
  }

  private async startWork(task: Task, event: NonNullable<Task['webhookEvent']>, seen: Seen): Promise<StartWork> {
    const item: TriggerEvent = { ...event.item, id: event.id };
    const base = {
      kind: 'start',
      tasks: [{ id: task.id, epoch: task.epoch }],
      tenantId: task.tenantId,
      webhookEventId: event.id,
      correlationId: event.correlationId,
      runsMax: seen.tenants.get(task.tenantId)?.runsMax,
      item: JSON.parse(JSON.stringify(item)),
    } as const;
    if (task.crashes >= crashesMax) {
      const message = `Starting it stopped its worker ${task.crashes} times.`;
      return { ...base, listeners: [], matches: [], failure: { code: 'crash_loop', message } };
    }
    const here = seen.waits.filter((wait) => wait.channelId === item.channelId && wait.customerId === item.customerId);
    const matches: EventWait[] = [];
    for (const wait of here) if (wait.tenantId === task.tenantId && (await this.fits(wait, item))) matches.push(wait);
    const taken = new Set(matches.flatMap(({ exclusive, workflowId }) => (exclusive ? [workflowId] : [])));

    const begun: StartWork['listeners'][number][] = [];
    let broken: string | undefined;
    for (const listener of seen.listeners) {
      const version = seen.versions.get(listener.versionId);
      if (taken.has(listener.workflowId) || !(await wants(listener, item, task.tenantId, this.options.slowFor(task.tenantId)))) continue;
      // Not read is not gone: the task stays.
      if (version === undefined) throw new Error(`version ${listener.versionId} could not be read`);
      if (isBroken(version)) {
        broken = version.brokenBecause;
        continue;
      }
      if (!version.compiled.programs.has(listener.nodeId)) continue;
      const run = await beginRun(version, startOf(listener, item, event.correlationId), this.toolsOf(seen.tenants.get(task.tenantId)));
      begun.push({ webhookId: listener.webhookId, begun: run });
    }
    return {
      ...base,
      listeners: begun,
      matches,
      ...(broken === undefined ? {} : { failure: { code: 'workflow_broken', message: broken } }),
    };
  }

  /** A condition that fails to evaluate fits nothing. */
  private async fits({ tenantId, kinds, condition, scope }: EventWait, item: TriggerEvent): Promise<boolean> {
    if (kinds.length > 0 && !kinds.includes(item.kind) && !kinds.includes(item.action)) return false;
    if (condition === null) return true;
    const event: Json = JSON.parse(JSON.stringify(item));
    const rest = { nodes: {}, execution: {}, workflow: {}, customer: { id: item.customerId }, env: {} };
    try {
      const seen = { ...rest, trigger: scope?.['trigger'] ?? null, input: scope?.['input'] ?? null, event };
      return truthy(await compileExpression(condition).evaluate(seen, this.options.slowFor(tenantId)));
    } catch {
      return false;
    }
  }

  /** Runs that begin for another reason than an event: a schedule, a failure, a replay. */
  private async runBegins(tasks: readonly Task[]): Promise<void> {
    await Promise.all(
      tasks.map(async (task) => {
        const tenant = (await this.tenants.get([task.tenantId])).get(task.tenantId);
        const begun = task.crashes >= crashesMax ? undefined : await this.callees.fromTask(task, this.toolsOf(tenant));
        if (begun === undefined) this.logger.warn({ taskId: task.id, payload: task.payload }, 'a run could not be begun');
        const work: StepWork = {
          kind: 'step',
          tasks: [{ id: task.id, epoch: task.epoch }],
          step: undefined,
          begun: begun === undefined ? [] : [begun],
          runsMax: tenant?.runsMax,
        };
        const committed = await this.committer.add(work);
        if (committed.outcome === 'held') return handBackTasks(this.database.pool, [task]);
        this.wakeFor(committed.begun);
      }),
    );
  }

  /** Looks for an event that came after the run began and before it waited. The first that fits is taken. */
  private async runMatches(tasks: readonly Task[]): Promise<void> {
    for (const task of tasks) {
      const { tenantId, executionId, nodeId, iteration } = task;
      if (executionId === null || nodeId === null) continue;
      const place = { tenantId, executionId, nodeId, iteration };
      const wait = await openWait(this.database.pool, place);
      let found: TriggerEvent | undefined;
      for (const item of wait === undefined ? [] : await eventsSince(this.database.pool, wait)) {
        if (wait === undefined || !(await this.fits(wait, item))) continue;
        found = item;
        break;
      }
      const tickets = await this.database.withClient(async (client) => {
        await client.query('DELETE FROM tasks WHERE id = $1 AND epoch = $2', [task.id, task.epoch]);
        if (found === undefined) return [];
        const resumption: Resumption = { type: 'completed', handle: 'out', output: JSON.parse(JSON.stringify(found)) };
        const consumed = await consumeWaits(client, [{ ...place, resumption }]);
        if (consumed.length > 0) await rememberMatches(client, [{ tenantId, executionId, eventId: found.id }]);
        return consumed;
      });
      if (tickets.length > 0) await this.tickets.issue(tickets);
    }
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
          }),
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
    if (task.crashes >= crashesMax) return { facts: [crashLoop(task, nodeId)] };
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
    const settle = (error?: unknown) =>
      error === undefined ? resolve() : reject(error instanceof Error ? error : new Error(String(error)));
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
      await this.decideTogether(together, together.length === 1 ? read : undefined).then(
        () => together.forEach(({ settle }) => settle()),
        (error: unknown) => together.forEach(({ settle }) => settle(error)),
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
      const step = await this.stepOf(run, left, outcomes);
      outcomes = step?.outcomes ?? outcomes;
      const work: StepWork = {
        kind: 'step',
        tasks: left.map(({ task: { id, epoch } }) => ({ id, epoch })),
        step,
        effects: left.flatMap(({ effect }) => effect ?? []),
      };
      const committed = await this.committer.add(work).catch(async (error: unknown) => {
        if (!isUnstorable(error) || run === undefined) throw error;
        if (left.length > 1) return undefined;
        return this.committer.add({ ...work, step: failedStep(run, { code: 'not_storable', message: messageOf(error) }), effects: [] });
      });
      if (committed === undefined) {
        for (const one of left) await this.decideTogether([one], undefined);
        return;
      }
      if (committed.outcome === 'committed') {
        if (run !== undefined && run.state.status === 'running' && step?.state.status !== 'running') this.dispatcher.ended(run.tenantId);
        return this.wakeFor([...(step === undefined ? [] : [step]), ...committed.begun]);
      }
      left = left.filter(({ task }) => committed.outcome === 'fenced' && !committed.gone.includes(task.id));
      if (left.length === 0) return;
      run = await this.readRun(left);
    }
    throw new Error(`run ${run?.id} was fenced ${decisionsMax} times in a row`);
  }

  /** undefined: the run is over or gone, and the tasks have nothing left to do. */
  private async stepOf(run: Run | undefined, requests: readonly Request[], outcomes: Step['outcomes']): Promise<Step | undefined> {
    if (run === undefined || executionIsOver(run.state)) return undefined;
    const [first] = requests;
    // A run may have been moved to another version meanwhile.
    const known = first?.version?.id === run.versionId ? first.version : (await this.versions.get([run.versionId])).get(run.versionId);
    // Not read is not gone: the task stays.
    if (known === undefined) throw new Error(`version ${run.versionId} could not be read`);
    if (isBroken(known)) return failedStep(run, { code: 'workflow_broken', message: known.brokenBecause });
    const beginnings = await Promise.all(requests.map(({ begin }) => begin(known, run)));
    const facts = beginnings.flatMap((one) => one.facts);
    const commands = beginnings.flatMap((one): readonly EngineCommand[] => one.commands ?? []);
    return runStep(known, run, { facts, commands }, this.toolsOf(first?.tenant), outcomes);
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
   * those of one tenant from another's. The calls go on by themselves: a slow target keeps no ticket waiting.
   */
  private async beginEffects(tasks: readonly Task[]): Promise<void> {
    if (tasks.length === 0) return;
    const tenants = await this.tenants.get(tasks.map(({ tenantId }) => tenantId));
    const placed = new Set(tasks.filter(({ tenantId }) => this.callPlaces.take(tenantId, tenants.get(tenantId)?.weight ?? 1)));
    const giveBack = ({ tenantId }: Task) => {
      this.callPlaces.giveBack(tenantId);
      this.dispatcher.took(1);
    };
    const leases = await this.leases.take([...placed], giveBack).catch((error: unknown) => {
      placed.forEach(giveBack);
      throw error;
    });
    await putOffTasks(
      this.database.pool,
      tasks.filter((task) => !placed.has(task)),
      noPlaceMs,
    );
    if (leases.length === 0) return;
    const work = this.runEffects(leases)
      .catch((error: unknown) => this.logger.warn({ reason: messageOf(error), effects: leases.length }, 'effects left to the sweeps'))
      .finally(() => this.effectsInFlight.delete(work));
    this.effectsInFlight.add(work);
  }

  private async runEffects(leases: readonly Lease[]): Promise<void> {
    const { runs, versions, tenants } = await this.orGiveBack(leases, this.readAll(leases.map(({ task }) => task)));
    const jobs: EffectJob[] = [];
    const others: Promise<void>[] = [];
    const commit = (lease: Lease, outcome: Outcome | undefined, read: Run | undefined, effect?: EffectResult) =>
      withCorrelation({ correlationId: read?.correlationId ?? '', tenantId: lease.task.tenantId }, () =>
        this.decide({
          task: lease.task,
          read,
          version: versions.get(read?.versionId ?? ''),
          tenant: tenants.get(lease.task.tenantId),
          begin: () => ({ facts: outcome === undefined ? [] : [outcome] }),
          ...(effect === undefined ? {} : { effect }),
        })
          .catch((error: unknown) =>
            this.logger.warn({ reason: messageOf(error), executionId: lease.task.executionId }, 'an effect\u2019s step was not committed'),
          )
          .finally(() => lease.end()),
      );
    const isPaused = ({ task }: Lease) => runs.get(task.executionId ?? '')?.state.status === 'paused';
    const paused = leases.filter(isPaused).map(({ task }) => task);
    const parked = await this.orGiveBack(leases, parkTasks(this.database.pool, paused));
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
        others.push(commit(lease, task.crashes >= crashesMax ? { fact: crashLoop(task, nodeId) } : undefined, run));
      }
    }
    // It rejects only before the first call: then nothing was sent.
    const performed = performEffects(
      this.database,
      jobs,
      (tenant) => this.toolsOf(tenant),
      (job, key, signal, intent) => this.toolbox.toolsFor(job, key, signal, intent),
      ({ job, outcome, result }: EffectOutcome) => commit(job.lease, outcome, job.run, result),
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

const crashLoop = ({ attempt, crashes, iteration }: Task, nodeId: string): Fact => ({
  type: 'node.failed',
  nodeId,
  iteration,
  attempt,
  error: { code: 'crash_loop', message: `It stopped its worker ${crashes} times.` },
  retryable: false,
  startedAt: storeClock.now().toISOString(),
});

/** Postgres refuses the values themselves, and will refuse them again. */
const isUnstorable = (error: unknown): boolean => /^(22|23|54)/.test(codeOf(error) ?? '');

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
