import { Injectable } from '@nestjs/common';
import { DomainError } from '@sluice/kernel';
import { codeOf, ReadDatabase } from '@sluice/platform-database';
import { offsetOf } from '@sluice/platform-http';
import type pg from 'pg';
import { CursorIsInvalid, openCursor, type Place, sealCursor } from './cursor.js';
import type { ListAnswer, ListPage } from './list-page.js';
import type { ColumnType } from './projection.js';
import { ReadPlaces } from './read-places.js';

export type ReadClient = Pick<pg.PoolClient, 'query'>;

/** Values for `$1`, `$2` … of a query that is put together: `where.push(\`status = ${p.of(status)}\`)`. */
export class Parameters {
  readonly values: unknown[] = [];

  of(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

/** `text` as a pattern for ILIKE that finds it anywhere, `%` and `_` taken as themselves. */
export const containing = (text: string): string => `%${text.replace(/[\\%_]/g, '\\$&')}%`;

/** A list, as its query puts it together. */
export interface ListSql {
  /** What the list is of, so that a cursor of it is none of another list: `executions`, or with the id of what they belong to. */
  readonly name: string;
  readonly tenantId: string;
  readonly filter: ListPage;
  readonly select: string;
  /** Tables and joins */
  readonly from: string;
  readonly where: readonly string[];
  /** Newest first: each descends. Together they tell any two rows apart; none is ever null. `select` has each under `property`. */
  readonly order: readonly OrderedBy[];
  readonly parameters: Parameters;
}

interface OrderedBy {
  readonly column: string;
  readonly type: ColumnType;
  readonly property: string;
}

/** The order of rows with a time and an id. */
export const newestFirst = (column: string, property: string, idColumn = 's.id'): readonly OrderedBy[] => [
  { column, type: 'timestamptz', property },
  { column: idColumn, type: 'uuid', property: 'id' },
];

export class QueryIsTooSlow extends DomainError {
  constructor() {
    super('unavailable', 'query_too_slow', 'The query took longer than a query may, and was ended.');
  }
}

const statementTimedOut = '57014';
/** Of the pool, for what comes before every answer: whose credential it is, how far the read models are */
const placesKept = 2;

/**
 * The one way to the read models: under the tenant's row-level security. Queries name the tenant all the same. No tenant's queries take every
 * connection (promise 6).
 */
@Injectable()
export class ReadStore {
  private cursorKey: Buffer | undefined;
  private readonly places: ReadPlaces;

  constructor(private readonly database: ReadDatabase) {
    this.places = new ReadPlaces(Math.max(1, database.connections - placesKept));
  }

  read<T>(tenantId: string, work: (client: ReadClient) => Promise<T>): Promise<T> {
    return this.places.with(tenantId, async () => {
      try {
        return await this.database.withClient(async (client) => {
          await client.query(`SELECT set_config('app.tenant_id', $1, true)`, [tenantId]);
          return work(client);
        });
      } catch (error) {
        throw codeOf(error) === statementTimedOut ? new QueryIsTooSlow() : error;
      }
    });
  }

  /** A page of a list, and how many there are in all; or what follows a cursor, by an index and without counting. */
  async list<Row extends pg.QueryResultRow>(client: ReadClient, list: ListSql): Promise<ListAnswer<Row>> {
    const { cursor, page, limit } = list.filter;
    if (cursor !== undefined) {
      if (page !== 1) throw new CursorIsInvalid();
      return { ...(await this.part<Row>(client, list, openCursor(await this.keyOfCursors(client), questionOf(list), cursor))), limit };
    }
    const total = await countOf(client, list);
    const offset = offsetOf(list.filter);
    const part = offset >= total ? { items: [], nextCursor: null } : await this.part<Row>(client, list, undefined);
    return { ...part, page, limit, total };
  }

  private async part<Row extends pg.QueryResultRow>(
    client: ReadClient,
    list: ListSql,
    after: Place | undefined,
  ): Promise<Pick<ListAnswer<Row>, 'items' | 'nextCursor'>> {
    const { select, from, order, parameters, filter } = list;
    const columns = order.map(({ column }) => column);
    const where = [...list.where];
    if (after !== undefined) {
      const values = order.map(({ type }, index) => `${parameters.of(after[index])}::${type}`);
      where.push(`(${columns.join(', ')}) < (${values.join(', ')})`);
    }
    const offset = after === undefined ? offsetOf(filter) : 0;
    // One more than asked for says whether there is more.
    const { rows } = await client.query<Row>(
      `SELECT ${select} FROM ${from} WHERE ${where.join(' AND ')}
       ORDER BY ${columns.map((column) => `${column} DESC`).join(', ')} LIMIT ${filter.limit + 1} OFFSET ${offset}`,
      parameters.values,
    );
    const items = rows.slice(0, filter.limit);
    const last = rows.length > items.length ? items.at(-1) : undefined;
    if (last === undefined) return { items, nextCursor: null };
    const place = order.map(({ property }) => last[property]);
    return { items, nextCursor: sealCursor(await this.keyOfCursors(client), questionOf(list), place) };
  }

  /** The same for every query API of this store. */
  private async keyOfCursors(client: ReadClient): Promise<Buffer> {
    if (this.cursorKey === undefined) {
      const { rows } = await client.query<{ key: Buffer }>('SELECT key FROM cursor_key');
      if (rows[0] === undefined) throw new Error('the query store has no cursor key; run `npm run migrate`');
      this.cursorKey = rows[0].key;
    }
    return this.cursorKey;
  }
}

async function countOf(client: ReadClient, { from, where, parameters }: ListSql): Promise<number> {
  const { rows } = await client.query<{ total: number }>(
    `SELECT count(*) AS total FROM ${from} WHERE ${where.join(' AND ')}`,
    parameters.values,
  );
  return rows[0]?.total ?? 0;
}

/** Everything that decides which rows a list has; how many are shown at once may change on the way. */
function questionOf({ tenantId, name, filter }: ListSql): string {
  const { page: _, limit: __, cursor: ___, ...filters } = filter;
  return JSON.stringify([
    tenantId,
    name,
    Object.entries(filters)
      .filter(([, value]) => value !== undefined)
      .toSorted(),
  ]);
}
