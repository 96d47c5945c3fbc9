import { parseArgs } from 'node:util';
import { checkInstallation, type Finding, promises } from './checks.ts';
import { storesIn, storesNeeded } from './stores.ts';

const marks = { well: '\u2713', warning: '!', wrong: '\u2717', unknown: '?' } as const;

/** Exit code: 0 all is well (warnings are), 1 something is wrong, 2 something could not be looked at. */
export async function doctor(parameters: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...parameters],
    options: { json: { type: 'boolean', default: false }, full: { type: 'boolean', default: false } },
  });
  const stores = storesIn(process.env);
  if (stores === undefined) {
    console.error(storesNeeded);
    return 2;
  }
  let findings: readonly Finding[];
  try {
    findings = await checkInstallation({ ...stores, full: values.full });
  } catch (error) {
    console.error(
      `A store cannot be reached: ${error instanceof Error ? error.message : String(error)}. Look whether Postgres runs and the URLs are right.`,
    );
    return 2;
  }
  console.log(values.json ? JSON.stringify(findings, null, 2) : textOf(findings));
  if (findings.some(({ state }) => state === 'wrong')) return 1;
  return findings.some(({ state }) => state === 'unknown') ? 2 : 0;
}

function textOf(findings: readonly Finding[]): string {
  const lines = promises.flatMap((title, promise) => {
    const found = findings.filter((finding) => finding.promise === promise);
    if (found.length === 0) return [];
    const texts = found.flatMap(({ state, name, says, next }) => [
      `  ${marks[state]} ${name}: ${says}`,
      ...(next === undefined ? [] : [`      next: ${next}`]),
    ]);
    return [promise === 0 ? title : `${promise}. ${title}`, ...texts, ''];
  });
  const count = (state: Finding['state']) => findings.filter((finding) => finding.state === state).length;
  return `${lines.join('\n')}\n${count('well')} well, ${count('warning')} to look at, ${count('wrong')} wrong, ${count('unknown')} not seen`;
}
