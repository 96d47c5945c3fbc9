import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import type { Iteration } from '@sluice/engine';
import { crashesMax } from '@sluice/executions-domain';
import type { JsonObject } from '@sluice/kernel';
import { NodeFailure, type TaskTools } from '@sluice/nodes';
import { codeOf, ServiceDatabase } from '@sluice/platform-database';
import { announce } from '@sluice/platform-event-log';
import { Notifications } from '@sluice/platform-notifications';
import { withCorrelation } from '@sluice/platform-telemetry';
import { approvalUrlOf } from '../approvals/approval-url.js';
import { FailingTasks } from '../dead-letters/failing-tasks.js';
import { EffectToolbox } from '../effects/effect-toolbox.js';
import { writeStateOnce } from '../effects/node-state.js';
import { Blobs } from '../steps/blobs.js';
import { CompiledVersions, type PublishedVersion } from '../steps/compiled-versions.js';
import { type Lease, Leases } from '../steps/leases.js';
import type { Run } from '../steps/run.js';
import type { StepTools } from '../steps/run-step.js';
import { type Task, putOffTasks } from '../steps/tasks.js';
import { type Tenant, TenantDirectory } from '../tenant-directory.js';
import { WORKER_OPTIONS, type WorkerOptions } from '../worker-options.js';
import { type Backtest, type BacktestTools, failBacktest, runBacktest } from './run-backtest.js';
import type { SimulationTools } from './simulate.js';
import { type TestedNode, testNode } from './test-node.js';
import { type BacktestProgress, type BacktestRequest, isRequestPayload, testWaitMs, type TestRequest } from './worker-request.js';

const testsMax = 16;
const backtestsMax = 2;

interface RequestRow {
  readonly id: string;
  readonly kind: 'test' | 'backtest';
  readonly tenant_id: string;
  readonly workflow_id: string;
  readonly request: TestRequest & BacktestRequest;
  readonly progress: BacktestProgress | null;
  readonly is_answered: boolean;
  readonly is_late: boolean;
}

const notHere = (): never => {
  throw new NodeFailure('not_in_a_test', 'Tests and backtests call nobody.', { retryable: false });
};

/** What the command API asks of workers, because nodes run here alone: to test a node, to backtest a draft. Each under the lease of its task. */
@Injectable()
export class RequestRunner implements BeforeApplicationShutdown {
  private readonly underWay = new Set<Promise<void>>();
  private readonly running = { test: 0, backtest: 0 };
  private stopping = false;

  constructor(
    private readonly database: ServiceDatabase,
    private readonly versions: CompiledVersions,
    private readonly tenants: TenantDirectory,
    private readonly leases: Leases,
    private readonly toolbox: EffectToolbox,
    private readonly blobs: Blobs,
    private readonly notifications: Notifications,
    private readonly failing: FailingTasks,
    @Inject(WORKER_OPTIONS) private readonly options: WorkerOptions,
  ) {}

  /** Resolves once they are begun: they go on by themselves. Those for which there is no room are put off. */
  async begin(tasks: readonly Task[]): Promise<void> {
    if (tasks.length === 0) return;
    const room = { test: testsMax - this.running.test, backtest: backtestsMax - this.running.backtest };
    const fits = tasks.map((task) => {
      if (this.stopping) return false;
      if (!isRequestPayload(task.payload)) return true;
      room[task.payload.kind] -= 1;
      return room[task.payload.kind] >= 0;
    });
    await putOffTasks(
      this.database.pool,
      tasks.filter((_, index) => !fits[index]),
    );
    const leases = await this.leases.take(tasks.filter((_, index) => fits[index]));
    for (const lease of leases) {
      const { payload } = lease.task;
      const kind = isRequestPayload(payload) ? payload.kind : 'test';
      this.running[kind] += 1;
      const work = this.run(lease).finally(() => {
        this.running[kind] -= 1;
        this.underWay.delete(work);
      });
      this.underWay.add(work);
    }
  }

  /** Resolves when all that was begun has ended. */
  async idle(): Promise<void> {
    while (this.underWay.size > 0) await Promise.all(this.underWay);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    await this.idle();
  }

  private async run(lease: Lease): Promise<void> {
    const { payload, tenantId } = lease.task;
    let done = false;
    try {
      const row = isRequestPayload(payload) ? await this.read(tenantId, payload.requestId) : undefined;
      if (row === undefined || row.is_answered) {
        await this.database.pool.query('DELETE FROM tasks WHERE id = $1 AND epoch = $2', [lease.task.id, lease.task.epoch]);
        done = true;
      } else {
        const { correlationId } = row.request;
        done = await withCorrelation({ correlationId, tenantId }, () =>
          row.kind === 'test' ? this.test(row, lease) : this.backtest(row, lease),
        );
      }
    } catch (error) {
      await this.failing.failed([lease.task], error);
      done = true;
    }
    // What is lost is somebody else's already; giving it back does nothing then.
    if (done) lease.end();
    else await this.leases.giveBack([lease]).catch(() => {});
  }

  private async read(tenantId: string, requestId: string): Promise<RequestRow | undefined> {
    const { rows } = await this.database.pool.query<RequestRow>(
      `SELECT id, kind, tenant_id, workflow_id, request, progress, result IS NOT NULL AS is_answered,
              created_at < now() - $3 * interval '1 millisecond' AS is_late
       FROM worker_requests WHERE tenant_id = $1 AND id = $2`,
      [tenantId, requestId, testWaitMs],
    );
    return rows[0];
  }

  // Tests --------------------------------------------------------------------------------------------------------------

  private async test(row: RequestRow, lease: Lease): Promise<boolean> {
    const result = await this.resultOf(row, lease);
    await this.database.withClient(async (client) => {
      const { rowCount } = await client.query('DELETE FROM tasks WHERE id = $1 AND epoch = $2', [lease.task.id, lease.task.epoch]);
      if (rowCount !== 1) throw new Error('the lease was lost');
      await client.query('UPDATE worker_requests SET result = $3 WHERE tenant_id = $1 AND id = $2', [
        row.tenant_id,
        row.id,
        JSON.stringify(result),
      ]);
    });
    return true;
  }

  /** Nobody waits for a late one any more: it must not call the outside now. */
  private async resultOf(row: RequestRow, lease: Lease): Promise<TestedNode | { readonly late: true }> {
    const { crashes } = lease.task;
    if (crashes >= crashesMax) {
      const error = { code: 'crash_loop', message: `Testing it stopped its worker ${crashes} times.` };
      return { outcome: 'failed', durationMs: 0, error };
    }
    if (row.is_late) return { late: true };
    const tenant = (await this.tenants.get([row.tenant_id])).get(row.tenant_id);
    const { nodeId } = row.request;
    return testNode({ requestId: row.id, tenantId: row.tenant_id, workflowId: row.workflow_id }, row.request, {
      step: this.stepToolsOf(tenant),
      signal: lease.signal,
      outside: (run, version, signal) => {
        const tools = this.toolbox.toolsFor(this.jobOf(lease, tenant, run, version, nodeId), `test:${row.id}`, signal, undefined);
        return { ...tools, writeState: (address, change) => writeStateOnce(this.database, run, address, change) };
      },
    });
  }

  private jobOf(lease: Lease, tenant: Tenant | undefined, run: Run, version: PublishedVersion, nodeId: string) {
    if (tenant === undefined) throw new Error(`tenant ${run.tenantId} could not be read`);
    return { lease, run, version, tenant, nodeId, iteration: '' };
  }

  // Backtests ----------------------------------------------------------------------------------------------------------

  private async backtest(row: RequestRow, lease: Lease): Promise<boolean> {
    const { id, tenant_id: tenantId, workflow_id: workflowId, request, progress } = row;
    const backtest: Backtest = { id, tenantId, workflowId, request, progress };
    const tenant = (await this.tenants.get([tenantId])).get(tenantId);
    const tools: BacktestTools = {
      database: this.database,
      versions: this.versions,
      simulation: this.simulationOf(lease, tenant),
      announce: (commitId, entries) => announce(this.notifications, commitId, entries),
      isStopping: () => this.stopping,
    };
    const { crashes } = lease.task;
    if (crashes >= crashesMax) {
      await failBacktest(backtest, lease, tools, { code: 'crash_loop', message: `It stopped its worker ${crashes} times.` });
      return true;
    }
    try {
      return await runBacktest(backtest, lease, tools);
    } catch (error) {
      // Postgres refuses what was to be written, and will refuse it again.
      if (lease.signal.aborted || !/^(22|23|54)/.test(codeOf(error) ?? '')) throw error;
      const known = await this.read(tenantId, id);
      await failBacktest({ ...backtest, progress: known?.progress ?? null }, lease, tools, {
        code: 'not_storable',
        message: messageOf(error),
      });
      return true;
    }
  }

  private simulationOf(lease: Lease, tenant: Tenant | undefined): SimulationTools {
    const { slow, env, blobs, approvalUrl } = this.stepToolsOf(tenant);
    const runCode: TaskTools['runCode'] = (source, values, limits) =>
      this.toolbox.runCode(source, values, limits, lease.signal, lease.task.tenantId);
    return {
      slow,
      env,
      blobs,
      approvalUrl,
      signal: lease.signal,
      runTask: async (type, input) => {
        if (type.type !== 'code.javascript') return undefined;
        try {
          return await type.run(input, { signal: lease.signal, runCode, readState: notHere, respond: notHere });
        } catch (error) {
          if (error instanceof NodeFailure && error.code === 'code_is_off') return undefined;
          throw error;
        }
      },
    };
  }

  private stepToolsOf(tenant: Tenant | undefined): StepTools {
    const env: JsonObject = tenant?.env ?? {};
    return {
      slow: this.options.slowFor(tenant?.id ?? ''),
      fusion: true,
      env,
      blobs: this.blobs,
      results: notHere,
      callee: notHere,
      approvalUrl: (run: Run, nodeId: string, iteration: Iteration) =>
        approvalUrlOf(this.options.publicUrl, tenant, run, nodeId, iteration),
    };
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
