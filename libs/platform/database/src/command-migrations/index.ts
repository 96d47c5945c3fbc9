import { Foundation1764000000001 } from './0001-foundation.js';
import { Ingest1764000000003 } from './0002-ingest.js';

/** In order; a landed migration is never edited. */
export const commandMigrations = [Foundation1764000000001, Ingest1764000000003] as const;
