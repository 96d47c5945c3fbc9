import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Mutation, mutations } from './mutations/list.ts';

/**
 * `npm run test:mutations [-- --only <n>,<n>]`: switches protections off, one at a time, in a copy of the repository, and proves that a test
 * notices each. The same tests pass before. Exits with 1 when one stays unnoticed.
 */
const { values } = parseArgs({ options: { only: { type: 'string' } } });
const chosen = mutations.filter((_, n) => values.only === undefined || values.only.split(',').includes(String(n + 1)));
const root = join(import.meta.dirname, '..');
// Beside the repository: files are linked, not copied, and links do not cross file systems.
const copy = mkdtempSync(join(root, '..', '.sluice-mutations-'));

let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    interrupted = true;
  });
}

function run(command: string, ...args: string[]): { readonly ok: boolean; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: copy, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return { ok: status === 0, output: `${stdout}${stderr}` };
}

function makeCopy(): void {
  const files = spawnSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }).stdout.split('\0');
  for (const file of files) if (file !== '') cpSync(join(root, file), join(copy, file), { recursive: true });
  const linked = spawnSync('cp', ['-al', join(root, 'node_modules'), join(copy, 'node_modules')], { encoding: 'utf8' });
  if (linked.status !== 0) throw new Error(`node_modules could not be linked: ${linked.stderr}`);
}

/** What Jest's tests of these names come to. Without one that ran, nothing was asked. */
function test({ project, tests }: Mutation['caughtBy']): { readonly passed: number; readonly failed: readonly string[] } {
  const report = join(copy, 'mutation-report.json');
  rmSync(report, { force: true });
  run('npm', 'test', '--', '--selectProjects', project, '--testNamePattern', tests, '--json', `--outputFile=${report}`, '--silent');
  const { testResults }: { testResults: { assertionResults: { status: string; fullName: string }[] }[] } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  const results = testResults.flatMap(({ assertionResults }) => assertionResults);
  return {
    passed: results.filter(({ status }) => status === 'passed').length,
    failed: results.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName),
  };
}

const problems: string[] = [];
try {
  makeCopy();
  for (const mutation of chosen) {
    if (interrupted) break;
    const { off, file, find, put, caughtBy } = mutation;
    const source = readFileSync(join(copy, file), 'utf8');
    const failed = (why: string) => {
      problems.push(`${off}: ${why}`);
      console.log(`NOT CAUGHT  ${off}\n            ${why}`);
    };
    if (source.split(find).length !== 2) {
      failed(`${file} does not have exactly one place to change; look at tools/mutations/list.ts`);
      continue;
    }
    const before = test(caughtBy);
    if (before.passed === 0 || before.failed.length > 0) {
      failed(`unchanged, ${before.passed} tests pass and these fail: ${before.failed.join('; ') || 'none'}`);
      continue;
    }
    writeFileSync(
      join(copy, file),
      source.replace(find, () => put),
    );
    const after = test(caughtBy);
    writeFileSync(join(copy, file), source);
    if (after.failed.length === 0) failed(`${after.passed} tests pass all the same`);
    else console.log(`caught      ${off}\n            by ${caughtBy.project}: ${after.failed[0]}`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
console.log(`\n${chosen.length - problems.length} passed, ${problems.length} failed`);
process.exit(problems.length > 0 || interrupted ? 1 : 0);
