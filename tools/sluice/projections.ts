import { parseArgs } from 'node:util';
import { AnotherRebuild, compareReadModels, type Difference, discardGeneration, rebuild } from '@sluice/platform-projections';
import { projections } from '@sluice/projector';
import { storesIn, storesNeeded } from './stores.ts';

const usage = 'npm run sluice -- projections rebuild <name|all> [--accept-differences] | compare | discard | list';
const sayEveryMs = 1_000;

/** Exit code: 0 done, 1 rows differ and were left, 2 it could not be done. */
export async function projectionsCommand(parameters: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...parameters],
    allowPositionals: true,
    options: { 'accept-differences': { type: 'boolean', default: false } },
  });
  const [what = '', name = ''] = positionals;
  const stores = storesIn(process.env);
  if (what === 'list') {
    for (const { table } of projections) console.log(table);
    return 0;
  }
  const chosen = name === 'all' ? projections : projections.filter(({ table }) => table === name);
  if (!['rebuild', 'compare', 'discard'].includes(what) || (what === 'rebuild' && chosen.length === 0)) {
    if (what === 'rebuild')
      console.error(`There is no projection "${name}". There are all, ${projections.map(({ table }) => table).join(', ')}.`);
    console.error(usage);
    return 2;
  }
  if (stores === undefined) {
    console.error(storesNeeded);
    return 2;
  }
  try {
    if (what === 'discard') {
      await discardGeneration(stores.queryUrl);
      console.log('No rebuild is under way any more.');
      return 0;
    }
    if (what === 'compare') {
      const differences = await compareReadModels(stores, projections);
      if (differences.length === 0) console.log('The read models are what the log makes of them.');
      else print(differences);
      return differences.length === 0 ? 0 : 1;
    }
    const result = await rebuild(stores, chosen, { acceptDifferences: values['accept-differences'], onProgress: sayNowAndThen() });
    print(result.differences);
    if (!result.swapped) {
      console.log(
        `\nNothing was replaced. If these rows are to be as the log makes them, run the same command with --accept-differences: it goes on from here.`,
      );
      return 1;
    }
    console.log(
      `Rebuilt at position ${result.position}: ${result.differences.length === 0 ? 'every row is as it was' : 'the rows above were replaced'}. The tables before are in the schema sluice_kept until the next rebuild.`,
    );
    return 0;
  } catch (error) {
    console.error(
      error instanceof AnotherRebuild
        ? error.message
        : `It stopped: ${error instanceof Error ? error.message : String(error)}. The same command goes on where it was.`,
    );
    return 2;
  }
}

function print(differences: readonly Difference[]): void {
  if (differences.length === 0) return;
  console.log('Rows differ from what the log makes of them:');
  for (const { table, tenantId, rowsBefore, rowsAfter } of differences) {
    console.log(`  ${table.padEnd(24)} tenant ${tenantId}  ${rowsBefore} rows now, ${rowsAfter} by the log`);
  }
}

function sayNowAndThen() {
  let said = 0;
  return ({ position, head, eventsPerSecond }: { position: number; head: number; eventsPerSecond: number }): void => {
    if (performance.now() - said < sayEveryMs && position < head) return;
    said = performance.now();
    const left = eventsPerSecond > 0 ? `, ${Math.ceil((head - position) / eventsPerSecond)} s left` : '';
    console.log(`${position} of ${head} events (${head === 0 ? 100 : Math.floor((100 * position) / head)} %), ${eventsPerSecond}/s${left}`);
  };
}
