import { Injectable } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import type { Tolerated } from '@sluice/platform-config';
import pg from 'pg';
import { Counter } from 'prom-client';
import { DataSource, type EntityManager, type EntitySchema } from 'typeorm';
import { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import type { commandStoreSchema } from './migrate.js';
import type { Role } from './roles.js';
import { storeClock } from './store-clock.js';
import { storeProblems } from './store-safety.js';

// bigint columns are counters, positions and task ids: exact below 2^53, so numbers.
pg.types.setTypeParser(pg.types.builtins.INT8, (text) => {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`bigint ${text} is beyond 2^53`);
  return value;
});

/**
 * Their statements look rows up by key, a batch at a time, in tables that grow by the second. Until the first autovacuum the planner
 * takes these for small and reads them whole: measured 0.5 ms by the index, 6 ms and growing without.
 */
const hotPathRoles: ReadonlySet<Role> = new Set(['sluice_service', 'sluice_projector']);

/** What every process asks of its connections. `synchronous_commit` is stated, so that a tuned default cannot weaken promise 1 (R2). */
const sessionSettings = (role: Role, statementTimeoutMs: number, searchPath?: string) =>
  Object.entries({
    role,
    synchronous_commit: 'on',
    statement_timeout: statementTimeoutMs,
    lock_timeout: 5_000,
    idle_in_transaction_session_timeout: 30_000,
    timezone: 'UTC',
    jit: 'off',
    ...(searchPath === undefined ? {} : { search_path: searchPath }),
    ...(hotPathRoles.has(role) ? { enable_seqscan: 'off' } : {}),
  })
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ');

const connectMs = 3_000;

export interface DatabaseOptions {
  readonly url: string;
  readonly poolSize: number;
  readonly role: Role;
  readonly app: string;
  readonly schema: typeof commandStoreSchema;
  readonly entities?: readonly EntitySchema<object>[];
  readonly statementTimeoutMs?: number;
  /** What makes a store unsafe is looked for as it is opened, but for this. undefined: it is not looked for, where nobody's data is at stake */
  readonly tolerated?: Tolerated;
  /** Schemas, comma separated, where not `public` alone is meant */
  readonly searchPath?: string;
}

export function dataSourceFor(options: DatabaseOptions): DataSource {
  return new DataSource({
    type: 'postgres',
    url: options.url,
    applicationName: `sluice-${options.app}`,
    entities: [...(options.entities ?? [])],
    poolSize: options.poolSize,
    synchronize: false,
    // Also for how long a call waits for a connection of the pool to come free.
    connectTimeoutMS: connectMs,
    extra: { options: sessionSettings(options.role, options.statementTimeoutMs ?? 15_000, options.searchPath), keepAlive: true },
  });
}

const repeatable = new Set(['40001', '40P01']);
const attemptsMax = 5;

const retriesTotal = new Counter({
  name: 'sluice_transaction_retries_total',
  help: 'Transactions begun again as a whole, by why: 40001 serialisation failure, 40P01 deadlock',
  labelNames: ['code'] as const,
});

/** True for what another try of the whole transaction can mend: a serialisation failure or a deadlock. */
export const isRepeatable = (error: unknown): boolean => repeatable.has(codeOf(error) ?? '');

/** SQLSTATE of a Postgres error, through TypeORM's wrapping; undefined for anything else. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('driverError' in error) return codeOf(error.driverError);
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/**
 * SQLSTATE: 08 connection, 28 refused login, 3D000 no such database (it is being set up), 40 asked to come again, 53 out of resources, 57P0x
 * shutting down, 58 the machine beneath, 55P03 lock not available, 57014 statement timeout, 25P03 idle for too long, 25006 read only (a
 * standby).
 */
const outageCodes = /^(08...|28...|3D000|40...|53...|57P0.|58...|55P03|57014|25P03|25006)$/;
const networkCodes = /^E(CONNREFUSED|CONNRESET|CONNABORTED|PIPE|TIMEDOUT|NOTFOUND|AI_AGAIN|HOSTUNREACH|NETUNREACH)$/;
/** What pg, and TypeORM in a transaction, say without a code of a connection that is lost or was not to be had */
const lostConnection =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed|Cannot use a pool after|Query runner already released|Database connection provided by a query runner was already released)/;

/** True for what is the database's state and not the fault of what was asked of it: away, restarting, full, or too busy. Through TypeORM's wrapping too. */
export function isOutage(error: unknown): boolean {
  // Not by its class: errors of sockets come from outside the realm that a test runs in.
  if (typeof error !== 'object' || error === null || !('message' in error)) return false;
  if ('driverError' in error && error.driverError !== error) return isOutage(error.driverError);
  if (error instanceof StoreIsNotOpen || error instanceof PoolIsUsedUp) return true;
  const code = codeOf(error) ?? '';
  return outageCodes.test(code) || networkCodes.test(code) || lostConnection.test(String(error.message));
}

/** Repeats a whole transaction on 40001 and 40P01, five attempts in all, with full jitter: who ran into each other do not meet again. */
export async function repeated<T>(transaction: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transaction();
    } catch (error) {
      if (!isRepeatable(error) || attempt === attemptsMax) throw error;
      retriesTotal.inc({ code: codeOf(error) });
    }
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * 2 ** attempt));
  }
}

/** Asked of a store before it was reached, or although it is not safe to work on. */
export class StoreIsNotOpen extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StoreIsNotOpen';
  }
}

/** Nobody gave a connection back in time: the database may be well. */
class PoolIsUsedUp extends Error {
  constructor(connections: number, ms: number) {
    super(`all ${connections} connections of this process are in use, and none came free within ${ms} ms`);
    this.name = 'PoolIsUsedUp';
  }
}

const reopenMs = 1_000;
const openMs = 8_000;
const acquireMs = connectMs - 100;
/** Readiness is told before whoever asks for it gives up. */
const readyMs = 1_500;

/**
 * One store as one role sees it. Hot paths take `pool` and raw SQL; use cases take `transaction` and TypeORM's manager.
 * Reconnecting is the pool's business: a lost connection fails the calls that were on it, nothing else.
 */
@Injectable()
export class Database implements OnApplicationShutdown {
  private leaveClock: () => void = () => {};
  private closed: string | undefined;
  private reopening: NodeJS.Timeout | undefined;
  private readonly known = Promise.withResolvers<readonly string[]>();

  constructor(
    private dataSource: DataSource,
    private readonly options: DatabaseOptions,
  ) {
    if (dataSource.isInitialized) this.hearConnections();
  }

  /**
   * Connects, and looks whether it is safe to work there. A store that is away is tried again until it is there; until then, and for good where
   * it is not safe, all that is asked of it fails. Rejects when no waiting will help: a login that is refused, a database that is not there.
   */
  async open(): Promise<void> {
    const { schema, tolerated } = this.options;
    this.closed = `the ${schema.name} store has not been reached yet`;
    try {
      if (!this.dataSource.isInitialized) {
        await this.initialized();
        this.hearConnections();
      }
      const problems = tolerated === undefined ? [] : await storeProblems(this.driverPool, schema.name, tolerated);
      if (problems.length === 0) await this.followClock();
      this.closed = problems.length === 0 ? undefined : `the ${schema.name} store is not safe to work on: ${problems.join(' ')}`;
      this.known.resolve(problems);
    } catch (error) {
      if (!isOutage(error) || /^(28|3D)/.test(codeOf(error) ?? '')) throw error;
      this.reopening = setTimeout(() => void this.open().catch((failure: unknown) => this.giveUp(failure)), reopenMs).unref();
    }
  }

  /**
   * A server that falls silent under TypeORM's first statements keeps it waiting without end, and so does a connection that it forgets there.
   * Such a data source is left alone, and the next try has one of its own.
   */
  private async initialized(): Promise<void> {
    const { dataSource } = this;
    const opening = dataSource.initialize();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      this.dataSource = dataSourceFor(this.options);
      opening.then(
        () => dataSource.destroy(),
        () => {},
      );
      late.reject(new StoreIsNotOpen(`the ${this.options.schema.name} store was not opened within ${openMs} ms`));
    }, openMs);
    try {
      await Promise.race([opening, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** What forbids to work on it; resolves once it was reached. */
  problems(): Promise<readonly string[]> {
    return this.known.promise;
  }

  /** So many at most, also before it is open */
  get connections(): number {
    return this.options.poolSize;
  }

  /** Throws while the store is not open. */
  get pool(): pg.Pool {
    if (this.closed !== undefined) throw new StoreIsNotOpen(this.closed);
    return this.driverPool;
  }

  private get driverPool(): pg.Pool {
    const { driver } = this.dataSource;
    if (!(driver instanceof PostgresDriver)) throw new TypeError('the data source is not a Postgres one');
    return driver.master;
  }

  /** BEGIN … COMMIT on one connection, repeated as a whole on 40001 and 40P01. `work` must not touch anything outside the database. */
  withClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    return repeated(() => this.once(work));
  }

  /** As `withClient`, through TypeORM's manager. */
  transaction<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return repeated(() => {
      if (this.closed !== undefined) throw new StoreIsNotOpen(this.closed);
      return this.dataSource.transaction(work);
    });
  }

  /** Rejects, in a sentence, when the store is away, cannot be written to or has not this build's schema, or when no connection to it is free. */
  async assertReady(): Promise<void> {
    const { name, migrations, migrationsTable } = this.options.schema;
    const client = await this.connection(readyMs);
    let broken: Error | undefined;
    try {
      const { rows } = await client.query<{ role: string; readonly: boolean }>(
        `SELECT current_user AS role, pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' AS readonly`,
      );
      if (rows[0]?.role !== this.options.role) {
        throw new Error(
          `the ${name} store was reached as ${rows[0]?.role}, not ${this.options.role}; a pooler must pass start-up options on`,
        );
      }
      if (rows[0].readonly && this.options.role !== 'sluice_read') {
        throw new Error(`the ${name} store can only be read, not written: the URL leads to a standby`);
      }
      const expected: readonly string[] = migrations.map((migration) => migration.name);
      const applied = await client
        .query<{ name: string }>(`SELECT name FROM ${migrationsTable}`)
        .then((found) => found.rows.map((row) => row.name))
        .catch((error: unknown): string[] => {
          if (codeOf(error) === '42P01') return [];
          throw error;
        });
      const missing = expected.filter((migration) => !applied.includes(migration));
      if (missing.length > 0) throw new Error(`the ${name} store's schema is old (missing ${missing.join(', ')}); run \`npm run migrate\``);
    } catch (error) {
      if (isOutage(error) && error instanceof Error) broken = error;
      throw error;
    } finally {
      client.release(broken);
    }
  }

  /** From now on this process's clock is that of this store. */
  private async followClock(): Promise<void> {
    if (this.options.schema.name === 'command') this.leaveClock = await storeClock.follow(this.driverPool);
  }

  private hearConnections(): void {
    // A connection that is lost before its borrower can listen says so by an event that ends the process when nobody hears it;
    // the borrower's next query fails by itself.
    this.driverPool.on('connect', (client) => client.on('error', () => {}));
  }

  /** The store came back as another one, which will not have us. */
  private giveUp(failure: unknown): void {
    this.closed = `the ${this.options.schema.name} store cannot be opened`;
    this.known.reject(failure);
  }

  private async connection(withinMs: number): Promise<pg.PoolClient> {
    const { pool } = this;
    const { max = 10 } = pool.options;
    const acquired = pool.connect();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      if (pool.totalCount < max) return;
      late.reject(new PoolIsUsedUp(max, withinMs));
      acquired.then(
        (client) => client.release(),
        () => {},
      );
    }, withinMs);
    try {
      return await Promise.race([acquired, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async onApplicationShutdown(): Promise<void> {
    this.leaveClock();
    clearTimeout(this.reopening);
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }

  private async once<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.connection(acquireMs);
    let broken: Error | undefined;
    // Lost between two queries: not to be lent again.
    const lost = (error: Error) => (broken = error);
    client.on('error', lost);
    try {
      await client.query('BEGIN');
      const result = await work(client);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch((failure: Error) => (broken = failure));
      throw error;
    } finally {
      client.off('error', lost);
      client.release(broken);
    }
  }
}
