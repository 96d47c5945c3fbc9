import { type DynamicModule, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ReportDeadCredentials, ReportRefusedSend } from '@sluice/channels-write';
import type { EncryptionConfig, RedisConfig } from '@sluice/platform-config';
import { codeIsOff, NodeFailure } from '@sluice/nodes';
import { CodeSandbox, CodeSandboxUnavailable } from '@sluice/platform-code-sandbox';
import { ServiceDatabase, storeClock } from '@sluice/platform-database';
import { ExpressionPool } from '@sluice/platform-expression-pool';
import { Notifications } from '@sluice/platform-notifications';
import { OutboundHttp } from '@sluice/platform-outbound';
import { TicketConsumerModule, TicketHandler, TicketWindowsModule } from '@sluice/platform-queue';
import { Paces, RedisPaces } from '@sluice/platform-rates';
import { LOGGER, type Logger } from '@sluice/platform-telemetry';
import { QuotaNotices } from '@sluice/tenancy-write';
import { FailingTasks } from './dead-letters/failing-tasks.js';
import { EffectToolbox, type ToolboxOptions } from './effects/effect-toolbox.js';
import { WorkerTurns } from './effects/worker-turns.js';
import { RequestRunner } from './requests/request-runner.js';
import { Blobs } from './steps/blobs.js';
import { Callees } from './steps/callees.js';
import { Committer, CommitStepsHandler } from './steps/committer.js';
import { CompiledVersions } from './steps/compiled-versions.js';
import { Leases } from './steps/leases.js';
import { Dispatcher } from './sweeps/dispatcher.js';
import { Sweeper } from './sweeps/sweeper.js';
import { WakeUps } from './sweeps/wake-ups.js';
import { WorkWatch } from './sweeps/work-watch.js';
import { TaskRunner } from './task-runner.js';
import { TenantDirectory } from './tenant-directory.js';
import { WORKER_OPTIONS, type WorkerOptions } from './worker-options.js';

export interface ExecutionWorkerOptions {
  readonly redis: RedisConfig;
  readonly encryption: EncryptionConfig;
  readonly outbound: { readonly allow: readonly string[] };
  readonly providerApis: Readonly<Record<string, string>>;
  readonly fusion: boolean;
  /** `CODE_NODES` */
  readonly codeNodes: boolean;
  /** Of the command API, as people reach it */
  readonly publicUrl: string;
  readonly logger: Logger;
}

/** Four times a hundred tasks are enough to fill its commits; the express way is for few tasks of many tenants. */
const jobsAtATime = { main: 4, express: 16 };

@Injectable()
class Code implements OnApplicationShutdown {
  readonly sandbox = new CodeSandbox();

  async onApplicationShutdown(): Promise<void> {
    await this.sandbox.close();
  }

  /** For now there may be no room; that is no fault of the code. */
  readonly run: ToolboxOptions['runCode'] = (source, values, limits, signal, tenantId) =>
    this.sandbox.run(source, values, limits, signal, tenantId).catch((error: unknown) => {
      if (!(error instanceof CodeSandboxUnavailable)) throw error;
      throw new NodeFailure('code_busy', error.message, { retryable: true });
    });
}

const noCode = () => Promise.reject(codeIsOff());

@Injectable()
class SlowExpressions implements OnApplicationShutdown {
  readonly pool = new ExpressionPool();

  async onApplicationShutdown(): Promise<void> {
    await this.pool.close();
  }
}

/** Runs workflow nodes. Needs the service's database, tickets and notifications. */
@Module({})
export class ExecutionWorkerModule {
  static forRoot({
    redis,
    encryption,
    outbound,
    providerApis,
    fusion,
    codeNodes,
    publicUrl,
    logger,
  }: ExecutionWorkerOptions): DynamicModule {
    const core: DynamicModule = {
      module: ExecutionWorkerCore,
      global: true,
      imports: [TicketWindowsModule],
      providers: [
        { provide: LOGGER, useValue: logger },
        {
          provide: EffectToolbox,
          useFactory: (database: ServiceDatabase, notifications: Notifications, code: Code, paces: Paces, commands: CommandBus) => {
            const http = new OutboundHttp({
              allow: outbound.allow,
              onRefused: (refusal) => logger.warn({ refusal }, 'an outbound call was refused'),
            });
            return new EffectToolbox(database, notifications, {
              outbound: http,
              encryption,
              providerApis,
              runCode: codeNodes ? code.run : noCode,
              paces,
              onDeadCredentials: ({ tenantId, channelId, credentialsVersion, code: error, message }) =>
                commands.execute(new ReportDeadCredentials(tenantId, channelId, credentialsVersion, error, message)),
              onRefusedSend: ({ tenantId, channelId, code: error, message }) =>
                commands.execute(new ReportRefusedSend(tenantId, channelId, error, message)),
            });
          },
          inject: [ServiceDatabase, Notifications, Code, Paces, CommandBus],
        },
        {
          provide: Paces,
          useFactory: (database: ServiceDatabase, { owner }: Leases) => {
            const { redisUrl } = redis;
            const turns = new WorkerTurns(database, owner);
            const shared = redisUrl === undefined ? undefined : { paces: new RedisPaces(redisUrl), turn: () => turns.turn() };
            return new Paces(() => storeClock.now().getTime(), shared);
          },
          inject: [ServiceDatabase, Leases],
        },
        {
          provide: WORKER_OPTIONS,
          useFactory: ({ pool }: SlowExpressions): WorkerOptions => ({
            fusion,
            slowFor: (tenantId) => pool.evaluatorFor(tenantId),
            publicUrl,
          }),
          inject: [SlowExpressions],
        },
        SlowExpressions,
        { provide: TicketHandler, useExisting: TaskRunner },
        Blobs,
        Callees,
        Code,
        CommitStepsHandler,
        Committer,
        CompiledVersions,
        Dispatcher,
        FailingTasks,
        Leases,
        QuotaNotices,
        RequestRunner,
        Sweeper,
        TaskRunner,
        TenantDirectory,
        WakeUps,
        {
          provide: WorkWatch,
          useFactory: (database: ServiceDatabase, sweeper: Sweeper, committer: Committer) => new WorkWatch(database, sweeper, committer),
          inject: [ServiceDatabase, Sweeper, Committer],
        },
      ],
      exports: [TicketHandler, WorkWatch],
    };
    return {
      module: ExecutionWorkerModule,
      imports: [core, TicketConsumerModule.forRoot({ ...redis, concurrency: jobsAtATime, logger, imports: [core] })],
    };
  }
}

@Module({})
class ExecutionWorkerCore {}
