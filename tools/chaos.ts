import { spawnSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type ChaosCase } from './chaos/case.ts';
import { cases } from './chaos/cases/index.ts';
import { liveness, type Outcome, printBroken, runCase } from './chaos/run-case.ts';
import { seeded } from './chaos/seeded.ts';
import { storm, strikesOf } from './chaos/storm.ts';
import { System } from './chaos/system.ts';

/**
 * `npm run test:chaos [-- --seed N] [--seconds S] [--only F-07,R-01]`: the services under faults. Nothing given: every case, then a storm of
 * 60 s. `--seconds`: a storm of that length alone. `--only`: these cases and quick tests. `--log <file>`: what the apps say. Exits with 1 when anything is lost, doubled, reordered or stuck.
 */
const { values } = parseArgs({
  options: { seed: { type: 'string' }, seconds: { type: 'string' }, only: { type: 'string' }, log: { type: 'string' } },
});

const root = join(import.meta.dirname, '..');
const numberIn = (option: 'seed' | 'seconds', standard: number) => {
  const number = values[option] === undefined ? standard : Number(values[option]);
  if (Number.isInteger(number) && number > 0) return number;
  console.error(`--${option} takes a number from 1 upwards, not ${values[option]}.`);
  process.exit(1);
};
const seed = numberIn('seed', 1 + Math.floor(Math.random() * 1_000_000));
const seconds = numberIn('seconds', 60);
const only = values.only?.split(',').map((id) => id.trim().toUpperCase());
/** Ids without a case of their own are those of quick tests, by their names. */
const specsOf = (id: string): string[] =>
  spawnSync('git', ['grep', '-lw', id, '--', '*.spec.ts'], { cwd: root, encoding: 'utf8' })
    .stdout.split('\n')
    .filter((file) => file !== '');
const quick = new Map((only ?? []).filter((id) => !cases.some((one) => one.id === id)).map((id) => [id, specsOf(id)]));
const unknown = [...quick].filter(([, files]) => files.length === 0).map(([id]) => id);
if (unknown.length > 0) {
  console.error(`Nothing here shows ${unknown.join(', ')}: see docs/reliability.md for what there is.`);
  process.exit(1);
}
const chosen = only === undefined ? (values.seconds === undefined ? cases : []) : cases.filter(({ id }) => only.includes(id));

const log = (line: string): void => console.log(line);
const file = values.log === undefined ? undefined : createWriteStream(values.log);
const heard = (line: string): void => void file?.write(`${line}\n`);
let running: System | undefined;
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interrupted) process.exit(1); // asked twice: what still runs ends with this process
    interrupted = true;
    void (running?.stop() ?? Promise.resolve()).finally(() => process.exit(130));
  });
}

async function systemWith(extra: ChaosCase['system'] = {}): Promise<System> {
  running = await System.start({ seed, random: seeded(seed), heard, ...extra });
  return running;
}

async function runCases(): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let shared: System | undefined;
  for (const one of chosen) {
    if (one.system !== undefined || shared === undefined) {
      await shared?.stop();
      shared = await systemWith(one.system);
    }
    const outcome = await runCase(shared, one, log);
    outcomes.push(outcome);
    // What was broken once would be found again after each further case.
    if (!outcome.passed || one.system !== undefined) {
      await shared.stop();
      shared = undefined;
    }
  }
  await shared?.stop();
  return outcomes;
}

function runQuick(id: string, files: readonly string[]): Outcome {
  log(`\n${id}  tests of that name in ${files.join(', ')}`);
  const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', join('node_modules', 'jest', 'bin', 'jest.js')];
  const { status } = spawnSync(process.execPath, [...jest, ...files, '-t', `\\b${id}\\b`], { cwd: root, stdio: 'inherit' });
  return { id, passed: status === 0, quietAfterMs: undefined };
}

async function runStorm(): Promise<Outcome> {
  const planned = strikesOf(seeded(seed), seconds);
  log(`\nA storm of ${seconds} s, ${planned.length} strikes, seed ${seed}`);
  const system = await systemWith({ gateways: 2, workers: 3, projectors: 2 });
  let quietAfterMs: number | undefined;
  let passed = false;
  try {
    await storm(system, planned, log);
    quietAfterMs = await system.quiesce();
    await liveness(system);
  } catch (error) {
    log(`      not as expected: ${error instanceof Error ? error.message : String(error)}`);
  }
  const broken = [...(await system.check()), ...(await system.unlikeTheLog())];
  passed = quietAfterMs !== undefined && broken.length === 0;
  const { acknowledged, refused, unknown: nobodyKnows, calls } = system.ledger.counts;
  const { rows } = await system.command.query(`SELECT status, count(*)::int AS runs FROM workflow_executions GROUP BY 1 ORDER BY 1`);
  const effects = [...system.stub.calls.values()];
  log(
    `\n      sent          ${acknowledged + refused + nobodyKnows} deliveries in ${calls} calls; not acknowledged: ${JSON.stringify(system.ledger.refusals)}`,
  );
  log(`      acknowledged  ${acknowledged}`);
  log(`      runs          ${rows.map(({ status, runs }) => `${runs} ${status}`).join(', ')}`);
  log(`      effects       ${effects.length} keys in ${effects.reduce((sum, { times }) => sum + times, 0)} calls`);
  log(`      quiet         ${quietAfterMs === undefined ? 'never' : `${(quietAfterMs / 1_000).toFixed(1)} s after the last strike`}`);
  printBroken(broken, log);
  if (!passed) for (const line of system.lastLines.slice(-40)) log(`        | ${line.slice(0, 400)}`);
  await system.stop();
  return { id: 'storm', passed, quietAfterMs };
}

log(
  `Seed ${seed}: \`npm run test:chaos -- --seed ${seed}${values.only === undefined ? '' : ` --only ${values.only}`}\` repeats the schedule.`,
);
const outcomes = [...[...quick].map(([id, files]) => runQuick(id, files)), ...(await runCases())];
if (only === undefined || values.seconds !== undefined) outcomes.push(await runStorm());
const failed = outcomes.filter(({ passed }) => !passed);
if (failed.length > 0) log(`\nNot as it must be: ${failed.map(({ id }) => id).join(', ')}`);
log(`\n${outcomes.length - failed.length} passed, ${failed.length} failed`);
process.exit(failed.length > 0 ? 1 : 0);
