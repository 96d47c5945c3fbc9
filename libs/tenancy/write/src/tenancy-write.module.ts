import { type DynamicModule, Inject, Module, type OnApplicationBootstrap } from '@nestjs/common';
import type { BootstrapConfig } from '@sluice/platform-config';
import { CommandStoreModule } from '@sluice/platform-event-log';
import { BootstrapTenancy } from './bootstrap-tenancy.js';
import { CommandAuthenticator } from './command-authenticator.js';
import { CreateApiKeyHandler } from './create-api-key.js';
import { CreateTenantHandler } from './create-tenant.js';
import { RevokeApiKeyHandler } from './revoke-api-key.js';
import { TenancyController } from './tenancy.controller.js';

const bootstrapConfig = Symbol('bootstrap');

/** Tenants and API keys. Ensures what `SLUICE_BOOTSTRAP_*` names before the app takes its first call. */
@Module({})
export class TenancyWriteModule implements OnApplicationBootstrap {
  constructor(
    private readonly bootstrap: BootstrapTenancy,
    @Inject(bootstrapConfig) private readonly config: BootstrapConfig,
  ) {}

  static forRoot(config: BootstrapConfig): DynamicModule {
    return {
      module: TenancyWriteModule,
      imports: [CommandStoreModule],
      controllers: [TenancyController],
      providers: [
        { provide: bootstrapConfig, useValue: config },
        BootstrapTenancy,
        CommandAuthenticator,
        CreateApiKeyHandler,
        CreateTenantHandler,
        RevokeApiKeyHandler,
      ],
      exports: [BootstrapTenancy, CommandAuthenticator],
    };
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.bootstrap.ensure(this.config);
  }
}
