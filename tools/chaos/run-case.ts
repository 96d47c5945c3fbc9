import type { ChaosCase } from './case.ts';
import type { Broken } from './invariants.ts';
import { routes } from './tenant.ts';
import type { System } from './system.ts';

export interface Outcome {
  readonly id: string;
  readonly passed: boolean;
  /** How long it took after the faults until nothing was left to do */
  readonly quietAfterMs: number | undefined;
}

/** steady → inject → heal → quiesce → check → liveness. Prints what it finds. */
export async function runCase(system: System, { id, title, run }: ChaosCase, log: (line: string) => void): Promise<Outcome> {
  log(`\n${id}  ${title}`);
  const before = system.ledger.counts;
  let quietAfterMs: number | undefined;
  const failures: string[] = [];
  try {
    const measured = await run(system);
    if (typeof measured === 'string') log(`      ${measured}`);
  } catch (error) {
    failures.push(sentenceOf(error));
  }
  let broken: readonly Broken[] = [];
  try {
    await system.heal();
    quietAfterMs = await system.quiesce();
    await liveness(system);
    broken = await system.check();
  } catch (error) {
    failures.push(sentenceOf(error));
    broken = await system.check().catch(() => []);
  }
  const { acknowledged, refused, unknown, calls } = system.ledger.counts;
  log(
    `      ${acknowledged + refused + unknown - before.acknowledged - before.refused - before.unknown} deliveries in ${calls - before.calls} calls, ` +
      `${acknowledged - before.acknowledged} acknowledged; quiet ${quietAfterMs === undefined ? 'never' : `${(quietAfterMs / 1_000).toFixed(1)} s`} after the faults`,
  );
  for (const failure of failures) log(`      not as expected: ${failure}`);
  printBroken(broken, log);
  const passed = failures.length === 0 && broken.length === 0;
  if (!passed) for (const line of system.lastLines.slice(-15)) log(`        | ${line.slice(0, 400)}`);
  log(`      ${passed ? 'passed' : 'FAILED'}`);
  return { id, passed, quietAfterMs };
}

export function printBroken(broken: readonly Broken[], log: (line: string) => void): void {
  for (const { id, what, rows } of broken) {
    log(`      ${id} is broken: ${what}`);
    for (const row of rows) log(`        ${typeof row === 'string' ? row.slice(0, 400) : JSON.stringify(row).slice(0, 400)}`);
  }
}

/** All faults off: what comes now is accepted and ends. A system that is safe but stuck fails here. */
export async function liveness(system: System): Promise<void> {
  const deliveries = system.tenants.flatMap((tenant) => routes.flatMap((route) => system.load.make(tenant, 2, [route])));
  const entries = await Promise.all(deliveries.map((delivery) => system.load.send(delivery)));
  const refused = entries.filter(({ answers }) => answers.at(-1)?.acknowledgement !== 'acknowledged');
  if (refused.length > 0)
    throw new Error(`with all faults over, ${refused.length} of ${entries.length} deliveries were not acknowledged at once`);
  await system.quiesce(30_000);
}

const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
