import { setTimeout as sleep } from 'node:timers/promises';
import { type DynamicModule, Module, type OnApplicationShutdown } from '@nestjs/common';
import type { EncryptionConfig } from '@sluice/platform-config';
import type { ApiDatabase, Database, ServiceDatabase } from '@sluice/platform-database';
import { ChannelEncryption } from './channel-encryption.js';
import { keyProblems } from './key-problems.js';
import { keysInUse } from './rekey.js';

const againMs = 1_000;

/**
 * Looks, as the app starts, whether everything that is sealed opens: a process with a wrong key would answer deliveries with errors, or seal what
 * the others cannot open. A store that is away is asked until it answers; that it is away later makes nothing refuse to work.
 */
export class CredentialWatch implements OnApplicationShutdown {
  private looking: Promise<void> | undefined;
  private readonly known = Promise.withResolvers<readonly string[]>();
  private readonly ended = new AbortController();

  constructor(
    private readonly database: Database,
    private readonly encryption: ChannelEncryption,
  ) {}

  onApplicationShutdown(): void {
    this.ended.abort();
  }

  /** What forbids to work with these keys; resolves once the stores were looked at. */
  problems(): Promise<readonly string[]> {
    this.looking ??= this.look();
    return this.known.promise;
  }

  /** A sentence while the store of credentials does not answer. */
  assertReady(): Promise<string | undefined> {
    return this.encryption.store.trouble();
  }

  private async look(): Promise<void> {
    const { signal } = this.ended;
    while (!signal.aborted) {
      try {
        this.known.resolve(keyProblems(await keysInUse(this.database.pool, this.encryption), this.encryption.keys));
        return;
      } catch {
        // Whoever keeps that store says why; /readyz repeats it.
        await sleep(againMs, undefined, { signal, ref: false }).catch(() => {});
      }
    }
  }
}

@Module({})
export class CredentialWatchModule {
  static forRoot(store: typeof ApiDatabase | typeof ServiceDatabase, encryption: EncryptionConfig): DynamicModule {
    return {
      module: CredentialWatchModule,
      global: true,
      providers: [
        {
          provide: CredentialWatch,
          useFactory: (database: Database) => {
            const watch = new CredentialWatch(database, new ChannelEncryption(encryption));
            void watch.problems();
            return watch;
          },
          inject: [store],
        },
      ],
      exports: [CredentialWatch],
    };
  }
}
