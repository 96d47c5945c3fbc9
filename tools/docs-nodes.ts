import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodePages } from './node-docs/node-pages.ts';

/** `npm run docs:nodes`: writes what the node files and their cases say, and takes away the pages of types that are gone. */
const root = join(import.meta.dirname, '..');
const folder = 'docs/nodes';
const pages = await nodePages();

mkdirSync(join(root, folder), { recursive: true });
for (const name of readdirSync(join(root, folder))) {
  if (!pages.has(`${folder}/${name}`)) rmSync(join(root, folder, name), { recursive: true });
}
for (const [path, text] of pages) writeFileSync(join(root, path), text);
console.log(`${folder}: ${pages.size} pages`);
