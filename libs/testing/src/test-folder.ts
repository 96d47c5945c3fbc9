import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestFolder {
  readonly path: string;
  remove(): void;
}

/** A new, empty folder that other users may enter: as root, Postgres runs as one of them. */
export function testFolder(name: string): TestFolder {
  const path = mkdtempSync(join(tmpdir(), `sluice-${name}-`));
  chmodSync(path, 0o755);
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
