import pg from 'pg';
import { DataSource, type MigrationInterface } from 'typeorm';
import { commandMigrations } from './command-migrations/index.js';
import { queryMigrations } from './query-migrations/index.js';

type MigrationClass = new () => MigrationInterface;

interface Store {
  readonly name: 'command' | 'query';
  readonly migrations: readonly MigrationClass[];
  readonly migrationsTable: string;
}

export const commandStoreSchema: Store = { name: 'command', migrations: commandMigrations, migrationsTable: 'sluice_command_migrations' };
export const queryStoreSchema: Store = { name: 'query', migrations: queryMigrations, migrationsTable: 'sluice_query_migrations' };

const lockKey = 0x51_00_1ce;

async function withStore<T>(url: string, store: Store, work: (dataSource: DataSource) => Promise<T>): Promise<T> {
  const guard = new pg.Client({ connectionString: url, application_name: 'sluice-migrate' });
  await guard.connect();
  try {
    // TypeORM takes no lock of its own: two deployments at once would collide.
    await guard.query('SELECT pg_advisory_lock($1)', [lockKey]);
    const dataSource = new DataSource({
      type: 'postgres',
      url,
      applicationName: 'sluice-migrate',
      migrations: [...store.migrations],
      migrationsTableName: store.migrationsTable,
      migrationsTransactionMode: 'each',
    });
    await dataSource.initialize();
    try {
      return await work(dataSource);
    } finally {
      await dataSource.destroy();
    }
  } finally {
    await guard.end();
  }
}

/** Brings both stores to this build's schema. The URLs' login must be able to create roles and tables. Safe to run twice, or two at once. */
export async function migrate(options: { commandUrl: string; queryUrl: string; log?: (line: string) => void }): Promise<void> {
  for (const [url, store] of [
    [options.commandUrl, commandStoreSchema],
    [options.queryUrl, queryStoreSchema],
  ] as const) {
    const done = await withStore(url, store, (dataSource) => dataSource.runMigrations());
    for (const migration of done) options.log?.(`${store.name} store: applied ${migration.name}`);
    if (done.length === 0) options.log?.(`${store.name} store: up to date`);
  }
}

/** Takes the newest migration of one store back. Data in what it made is lost. */
export async function revertLastMigration(url: string, store: Store): Promise<void> {
  await withStore(url, store, (dataSource) => dataSource.undoLastMigration());
}
