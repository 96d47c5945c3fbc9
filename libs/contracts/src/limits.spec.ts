import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from './limits.js';

it('docs/limits.md states every limit', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/limits.md'), 'utf8');
  const stated = [...page.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, name, value]) => [name, Number(value)]);
  expect(Object.fromEntries(stated)).toEqual(limits);
});
