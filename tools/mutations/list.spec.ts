import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Mutation, mutations } from './list.ts';

const root = join(import.meta.dirname, '..', '..');

/** What the tests of a project of Jest are written in. */
const specsOf = (project: string): string[] =>
  globSync('{tools,apps/*,libs/*,libs/*/*}', { cwd: root })
    .filter((folder) => folder.replace(/^(apps|libs)\//, '').replace('/', '-') === project)
    .flatMap((folder) => globSync(`${folder}/**/*.spec.ts`, { cwd: root, exclude: (name) => name === 'node_modules' || name === 'dist' }));

describe('npm run test:mutations', () => {
  it.each(mutations.map((mutation): [string, Mutation] => [mutation.off, mutation]))(
    'finds what it switches off, and a case that is to notice: %s',
    (_off, { file, find, caughtBy: { project, tests } }) => {
      expect(readFileSync(join(root, file), 'utf8').split(find)).toHaveLength(2);
      const named = new RegExp(tests);
      expect(specsOf(project).filter((spec) => named.test(readFileSync(join(root, spec), 'utf8')))).not.toEqual([]);
    },
  );
});
