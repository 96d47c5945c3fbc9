import { ReadModels1764000000001 } from './0001-read-models.js';

/** In order; a landed migration is never edited. */
export const queryMigrations = [ReadModels1764000000001] as const;
