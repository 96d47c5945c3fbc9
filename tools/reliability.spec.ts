import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const page = readFileSync(join(root, 'docs', 'reliability.md'), 'utf8');
const rows = new Map([...page.matchAll(/^\| ([A-Z]-\d\d) \| .+? \| (.+) \|$/gm)].map(([, id = '', where = '']) => [id, where]));
const counts = { F: 33, R: 15, P: 18, N: 16, B: 20, S: 7 };
const numbered = (kind: string, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => `${kind}-${String(from + n).padStart(2, '0')}`);

it('docs/reliability.md names every case of the list', () => {
  expect([...rows.keys()]).toEqual([
    ...Object.entries(counts).flatMap(([kind, count]) => numbered(kind, 1, count)),
    ...numbered('T', 10, 19),
  ]);
});

it('and where each is shown: in a file that is there and names it, or it says what is missing', () => {
  const wrong = [...rows].filter(([id, where]) => {
    if (where.startsWith('not yet: ')) return where.length < 'not yet: '.length + 10;
    const files = [...where.matchAll(/`([^`]+)`/g)].map(([, file = '']) => join(root, file));
    return files.length === 0 || files.some((file) => !existsSync(file) || !new RegExp(`\\b${id}\\b`).test(readFileSync(file, 'utf8')));
  });
  expect(wrong).toEqual([]);
});
