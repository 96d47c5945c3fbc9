import 'reflect-metadata';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { migrate } from '@sluice/platform-database';
import { startEmbeddedPostgres } from '@sluice/platform-local-servers';
import { artefacts } from './openapi/artefacts.ts';

/** `npm run docs:openapi`: starts both APIs on a Postgres of their own and writes what follows from the documents they serve. */
const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'sluice-docs-'));
const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres') });
try {
  for (const database of ['sluice_command', 'sluice_query']) await postgres.ensureDatabase(database);
  const stores = { commandUrl: postgres.url('sluice_command'), queryUrl: postgres.url('sluice_query') };
  await migrate(stores);
  for (const [path, text] of await artefacts(stores)) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    console.log(path);
  }
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true });
}
