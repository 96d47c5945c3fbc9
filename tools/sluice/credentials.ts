import { parseArgs } from 'node:util';
import { ChannelEncryption, rekey, type Rekeyed } from '@sluice/channels-write';
import { ConfigIsInvalid, encryptionEnv, parseEnv } from '@sluice/platform-config';
import pg from 'pg';
import { storesIn, storesNeeded } from './stores.ts';

const usage = 'npm run sluice -- credentials rekey [--dry-run]';
const sayEveryMs = 1_000;

/** Exit code: 0 done, 1 something does not open or is still sealed with another key, 2 it could not be done. */
export async function credentialsCommand(parameters: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...parameters],
    allowPositionals: true,
    options: { 'dry-run': { type: 'boolean', default: false } },
  });
  if (positionals[0] !== 'rekey') {
    console.error(usage);
    return 2;
  }
  const stores = storesIn(process.env);
  if (stores === undefined) {
    console.error(storesNeeded);
    return 2;
  }
  const db = new pg.Pool({
    connectionString: stores.commandUrl,
    max: 2,
    options: '-c role=sluice_service',
    application_name: 'sluice-rekey',
  });
  db.on('error', () => {});
  try {
    const encryption = new ChannelEncryption(parseEnv(process.env, { encryption: encryptionEnv() }).encryption);
    const dryRun = values['dry-run'];
    const result = await rekey(db, encryption, { dryRun, onProgress: sayNowAndThen() });
    for (const { id, reason } of result.failed) console.error(`${id}: ${reason}. It is left as it is.`);
    const [first = '', ...others] = encryption.keys.map(({ id }) => id);
    const verdict = dryRun ? forecast(result, first) : verdictOf(result, first, others);
    console.log(verdict.text);
    return verdict.code;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.error(error instanceof ConfigIsInvalid ? reason : `It stopped: ${reason}. The same command goes on where it was.`);
    return 2;
  } finally {
    await db.end();
  }
}

interface Verdict {
  readonly code: number;
  readonly text: string;
}

const listed = (keys: readonly string[]): string => keys.map((key) => `"${key}"`).join(', ');
const sealedWith = (secretsByKey: Rekeyed['secretsByKey']): string =>
  [...secretsByKey].map(([key, secrets]) => `${secrets} sealed with "${key}"`).join(', ') || 'nothing is sealed';

function forecast({ secretsByKey }: Rekeyed, first: string): Verdict {
  const count = [...secretsByKey].reduce((sum, [key, secrets]) => (key === first ? sum : sum + secrets), 0);
  return { code: 0, text: `Now: ${sealedWith(secretsByKey)}. ${count} would be sealed anew with "${first}"; nothing was changed.` };
}

export function verdictOf(
  { resealed, secretsByKey }: Pick<Rekeyed, 'resealed' | 'secretsByKey'>,
  first: string,
  others: readonly string[],
): Verdict {
  const now = `${resealed} sealed anew. Now: ${sealedWith(secretsByKey)}.`;
  const inUse = [...secretsByKey.keys()].filter((key) => key !== first);
  if (inUse.length > 0) {
    return {
      code: 1,
      text: `${now} ${listed(inUse)} must stay in ENCRYPTION_KEYS: put "${first}" in front in every process, and run this again.`,
    };
  }
  if (others.length === 0) return { code: 0, text: now };
  return {
    code: 0,
    text: `${now} ${listed(others)} may be taken out of ENCRYPTION_KEYS now, if every process has "${first}" in front. Backups from before this moment need it: keep it where they are.`,
  };
}

function sayNowAndThen() {
  let said = 0;
  return ({ resealed, total }: { resealed: number; total: number }): void => {
    if (performance.now() - said < sayEveryMs) return;
    said = performance.now();
    console.log(`${resealed} of ${total} sealed anew`);
  };
}
