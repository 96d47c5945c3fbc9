interface ChangedTable {
  readonly table: string;
  readonly rows: readonly { readonly row: Readonly<Record<string, unknown>> }[];
}

const keysMax = 500;

/**
 * What a batch changed, for caches and live streams: `<tenant>:<table>:<id>` of each row (a node run counts as its execution's).
 * Over 500 of them, `<tenant>:<table>`; over 500 of those, `*`: anything may have changed.
 */
export function advancedKeys(changed: readonly ChangedTable[]): readonly string[] {
  const of = (name: (table: string, row: Readonly<Record<string, unknown>>) => string) => [
    ...new Set(changed.flatMap(({ table, rows }) => rows.map(({ row }) => name(table, row)))),
  ];
  const byRow = of((table, row) => `${String(row['tenantId'])}:${table}:${String(row['executionId'] ?? row['id'])}`);
  if (byRow.length <= keysMax) return byRow;
  const byTable = of((table, row) => `${String(row['tenantId'])}:${table}`);
  return byTable.length <= keysMax ? byTable : ['*'];
}
