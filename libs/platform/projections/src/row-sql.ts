import type pg from 'pg';
import type { AnyProjection } from './projection.js';

export type Row = Readonly<Record<string, unknown>>;
type Client = Pick<pg.ClientBase, 'query'>;

/** `executionCount` is the column `execution_count`. */
const columnName = (property: string): string => property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const primaryKey = (projection: Pick<AnyProjection, 'key'>): readonly string[] => ['tenantId', ...projection.key];

/**
 * What to SELECT from `alias` so that the rows come as the projection's own: camel case, times as ISO 8601 strings with milliseconds.
 */
export function selectList({ columns }: Pick<AnyProjection, 'columns'>, alias: string, properties = Object.keys(columns)): string {
  return properties
    .map((property) => {
      const column = `${alias}.${columnName(property)}`;
      const value = columns[property] === 'timestamptz' ? `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')` : column;
      return `${value} AS "${property}"`;
    })
    .join(', ');
}

const recordset = ({ columns }: AnyProjection, properties: readonly string[]): string =>
  properties.map((property) => `"${property}" ${columns[property]}`).join(', ');

/** The rows with these keys that there are. */
export async function loadRows(client: Client, projection: AnyProjection, keys: readonly object[]): Promise<Row[]> {
  const names = primaryKey(projection);
  const { rows } = await client.query<Row>(
    `SELECT ${selectList(projection, 't')} FROM jsonb_to_recordset($1::jsonb) AS k(${recordset(projection, names)})
     JOIN ${projection.table} t ON ${names.map((name) => `t.${columnName(name)} = k."${name}"`).join(' AND ')}`,
    [JSON.stringify(keys)],
  );
  return rows;
}

/** One statement for all rows, of whatever read model. */
export async function upsertRows(client: Client, projection: AnyProjection, rows: readonly Row[]): Promise<void> {
  const properties = Object.keys(projection.columns);
  const key = primaryKey(projection);
  const changing = properties.filter((property) => !key.includes(property)).map(columnName);
  await client.query(
    `INSERT INTO ${projection.table} (${properties.map(columnName).join(', ')})
     SELECT ${properties.map((property) => `"${property}"`).join(', ')}
     FROM jsonb_to_recordset($1::jsonb) AS r(${recordset(projection, properties)})
     ON CONFLICT (${key.map(columnName).join(', ')})
     DO ${projection.appendOnly ? 'NOTHING' : `UPDATE SET ${changing.map((name) => `${name} = EXCLUDED.${name}`).join(', ')}`}`,
    [JSON.stringify(rows)],
  );
}
