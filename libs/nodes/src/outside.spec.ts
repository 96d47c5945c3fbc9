import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** All that node types may be made of. None of it opens a connection, a file or a process: what is outside comes in by `EffectTools`. */
const allowed = ['@sluice/engine', '@sluice/expressions', '@sluice/kernel', 'acorn', 'ajv/dist/2020.js', 'croner'];

const folder = import.meta.dirname;
const files = readdirSync(folder).filter((file) => file.endsWith('.ts') && !/\.(spec|cases)\.ts$/.test(file));
const importsOf = (source: string) =>
  [...source.matchAll(/^(?:import|export|\}) ?(?:.*\bfrom )?['"]([^'"]+)['"];$|(?<!\w)import\(\s*['"]([^'"]+)['"]/gm)].map(
    ([, from, later]) => from ?? later ?? '',
  );

describe('S-07: a node type reaches the outside through the guarded client only', () => {
  it('sees what an import looks like', () => {
    const source = `import { a } from 'undici';\nimport {\n  b,\n} from "node:fs";\nimport 'node:net';\nexport * from 'ws';\nawait import("pg");`;
    expect(importsOf(source)).toEqual(['undici', 'node:fs', 'node:net', 'ws', 'pg']);
    expect(files.length).toBeGreaterThan(40);
  });

  it.each(files)('%s', (file) => {
    const source = readFileSync(join(folder, file), 'utf8');
    expect(importsOf(source).filter((name) => !name.startsWith('./') && !allowed.includes(name))).toEqual([]);
    // What Node gives without an import
    expect(source).not.toMatch(/\bprocess\.(env|binding|getBuiltinModule)|\bnew (WebSocket|EventSource)|\brequire\(|(?<![.\w])fetch\(/);
  });
});
