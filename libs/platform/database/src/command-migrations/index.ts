import { Foundation1764000000001 } from './0001-foundation.js';

/** In order; a landed migration is never edited. */
export const commandMigrations = [Foundation1764000000001] as const;
