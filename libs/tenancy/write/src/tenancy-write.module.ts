import { type DynamicModule, Inject, Module, type OnApplicationBootstrap } from '@nestjs/common';
import type { BootstrapConfig } from '@sluice/platform-config';
import { isOutage } from '@sluice/platform-database';
import { CommandStoreModule } from '@sluice/platform-event-log';
import type { Logger } from '@sluice/platform-telemetry';
import { BootstrapTenancy } from './bootstrap-tenancy.js';
import { ChangeEnvHandler } from './change-env.js';
import { ChangeQuotasHandler } from './change-quotas.js';
import { CommandAuthenticator } from './command-authenticator.js';
import { CreateApiKeyHandler } from './create-api-key.js';
import { CreateTenantHandler } from './create-tenant.js';
import { RevokeApiKeyHandler } from './revoke-api-key.js';
import { TenancyController } from './tenancy.controller.js';

const againMs = 1_000;
const moduleOptions = Symbol('tenancy options');

export interface TenancyWriteOptions {
  readonly bootstrap: BootstrapConfig;
  readonly logger: Logger;
}

/** Tenants and API keys. Ensures what `SLUICE_BOOTSTRAP_*` names before the app takes its first call. */
@Module({})
export class TenancyWriteModule implements OnApplicationBootstrap {
  constructor(
    private readonly bootstrap: BootstrapTenancy,
    @Inject(moduleOptions) private readonly options: TenancyWriteOptions,
  ) {}

  static forRoot(options: TenancyWriteOptions): DynamicModule {
    return {
      module: TenancyWriteModule,
      imports: [CommandStoreModule],
      controllers: [TenancyController],
      providers: [
        { provide: moduleOptions, useValue: options },
        BootstrapTenancy,
        ChangeEnvHandler,
        ChangeQuotasHandler,
        CommandAuthenticator,
        CreateApiKeyHandler,
        CreateTenantHandler,
        RevokeApiKeyHandler,
      ],
      exports: [BootstrapTenancy, CommandAuthenticator],
    };
  }

  async onApplicationBootstrap(): Promise<void> {
    const { bootstrap, logger } = this.options;
    try {
      for (const what of await this.bootstrap.ensure(bootstrap)) logger.info(`made ${what} from SLUICE_BOOTSTRAP_*`);
    } catch (error) {
      if (!isOutage(error)) throw error;
      // The store is away: nobody can call before it is there.
      setTimeout(() => void this.onApplicationBootstrap().catch((failure: unknown) => this.failed(failure)), againMs).unref();
    }
  }

  private failed(error: unknown): void {
    this.options.logger.error({ err: error }, 'SLUICE_BOOTSTRAP_* could not be made');
  }
}
