import { type DynamicModule, Module } from '@nestjs/common';
import type { DatabaseConfig } from '@sluice/platform-config';
import type { EntitySchema } from 'typeorm';
import { Database, dataSourceFor } from './database.js';
import { commandStoreSchema, queryStoreSchema } from './migrate.js';
import type { Role } from './roles.js';

/** The command store as the gateway and the worker see it: every tenant. */
export abstract class ServiceDatabase extends Database {}
/** The command store as the command API sees it: the tenant of the transaction. */
export abstract class ApiDatabase extends Database {}
/** The command store's log, to read. */
export abstract class LogDatabase extends Database {}
/** The query store as the projector sees it: every tenant. */
export abstract class ProjectionDatabase extends Database {}
/** The query store as the query API sees it: the tenant of the transaction. */
export abstract class ReadDatabase extends Database {}

type Token = typeof ServiceDatabase | typeof ApiDatabase | typeof LogDatabase | typeof ProjectionDatabase | typeof ReadDatabase;

const views = new Map<Token, { role: Role; schema: typeof commandStoreSchema }>([
  [ServiceDatabase, { role: 'sluice_service', schema: commandStoreSchema }],
  [ApiDatabase, { role: 'sluice_api', schema: commandStoreSchema }],
  [LogDatabase, { role: 'sluice_projector', schema: commandStoreSchema }],
  [ProjectionDatabase, { role: 'sluice_projector', schema: queryStoreSchema }],
  [ReadDatabase, { role: 'sluice_read', schema: queryStoreSchema }],
]);

export interface DatabaseModuleOptions {
  readonly app: string;
  readonly config: Omit<DatabaseConfig, 'tolerated'> & Partial<Pick<DatabaseConfig, 'tolerated'>>;
  readonly entities?: readonly EntitySchema<object>[];
  readonly statementTimeoutMs?: number;
}

@Module({})
export class DatabaseModule {
  /** One store as one role sees it. An app starts without its store, and works once it is there. */
  static forRoot(token: Token, { app, config, entities, statementTimeoutMs }: DatabaseModuleOptions): DynamicModule {
    const view = views.get(token);
    if (view === undefined) throw new TypeError(`${token.name} is not a view of a store`);
    const options = { ...view, app, ...config, entities, statementTimeoutMs };
    return {
      module: DatabaseModule,
      global: true,
      providers: [
        {
          provide: token,
          useFactory: async () => {
            const database = new Database(dataSourceFor(options), options);
            await database.open();
            return database;
          },
        },
      ],
      exports: [token],
    };
  }
}
