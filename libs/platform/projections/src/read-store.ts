import { Injectable } from '@nestjs/common';
import { ReadDatabase } from '@sluice/platform-database';
import type pg from 'pg';

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

/** The one way to the read models: under the tenant's row-level security. Queries name the tenant all the same. */
@Injectable()
export class ReadStore {
  constructor(private readonly database: ReadDatabase) {}

  read<T>(tenantId: string, work: (client: ReadClient) => Promise<T>): Promise<T> {
    return this.database.withClient(async (client) => {
      await client.query(`SELECT set_config('app.tenant_id', $1, true)`, [tenantId]);
      return work(client);
    });
  }

  /** A page of a list and how many there are in all. `from` is everything after FROM up to the order. */
  async page<Row extends pg.QueryResultRow>(
    client: ReadClient,
    { select, from, orderBy, parameters, limit, offset }: ListSql,
  ): Promise<{ rows: Row[]; total: number }> {
    const counted = await client.query<{ total: number }>(`SELECT count(*) AS total FROM ${from}`, parameters.values);
    const total = counted.rows[0]?.total ?? 0;
    if (offset >= total) return { rows: [], total };
    const page = await client.query<Row>(
      `SELECT ${select} FROM ${from} ORDER BY ${orderBy} LIMIT ${limit} OFFSET ${offset}`,
      parameters.values,
    );
    return { rows: page.rows, total };
  }
}

export interface ListSql {
  readonly select: string;
  readonly from: string;
  readonly orderBy: string;
  readonly parameters: Parameters;
  readonly limit: number;
  readonly offset: number;
}
