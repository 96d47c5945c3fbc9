import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { problemCatalogue, type ProblemEntry } from '@sluice/contracts';

const root = join(import.meta.dirname, '..');
const sources = globSync('{libs,apps}/**/src/**/*.ts', { cwd: root, exclude: (path) => /node_modules|dist|generated/.test(path) })
  .filter((file) => !file.endsWith('.spec.ts'))
  .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));

const statusOfKind: Readonly<Record<string, number>> = {
  malformed: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  precondition: 412,
  too_large: 413,
  invalid: 422,
  too_many: 429,
  unavailable: 503,
};
const kinds = Object.keys(statusOfKind).join('|');
const raised = sources.flatMap(({ file, text }) =>
  [...text.matchAll(new RegExp(`(?:super|new DomainError)\\(\\s*'(${kinds})',\\s*'(\\w+)'`, 'g'))].map(([, kind = '', code = '']) => ({
    file,
    code,
    status: statusOfKind[kind],
  })),
);
const catalogue = new Map<string, ProblemEntry>(Object.entries(problemCatalogue));

it('the catalogue, and so docs/errors.md, tells of every error that the sources raise, with its status', () => {
  expect(raised.length).toBeGreaterThan(30);
  const missing = raised.filter(({ code }) => !catalogue.has(code));
  expect(missing).toEqual([]);
  expect(raised.filter(({ code, status }) => catalogue.get(code)?.status !== status)).toEqual([]);
});

it('every subclass of DomainError says its kind and code where the check above finds them', () => {
  const count = (pattern: RegExp) => sources.flatMap(({ text }) => [...text.matchAll(pattern)]).length;
  expect(raised).toHaveLength(count(/class \w+ extends DomainError/g) + count(/new DomainError\(/g));
});

it('tells of every code that an error of HTTP itself is given, with its status', () => {
  const text = sources.find(({ file }) => file.endsWith('platform/http/src/problem.ts'))?.text ?? '';
  const given = [...text.matchAll(/^ {2}(\d{3}): '(\w+)',$/gm)].map(([, status, code = '']) => ({ code, status: Number(status) }));
  expect(given.length).toBeGreaterThan(10);
  expect(given.filter(({ code, status }) => catalogue.get(code)?.status !== status)).toEqual([]);
});

it('tells of no error that cannot happen', () => {
  const all = sources
    .filter(({ file }) => !file.endsWith('contracts/src/problems.ts'))
    .map(({ text }) => text)
    .join('\n');
  expect([...catalogue.keys()].filter((code) => !all.includes(`'${code}'`))).toEqual([]);
});
