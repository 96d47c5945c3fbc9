import { ReadModels1764000000001 } from './0001-read-models.js';
import { OperationsShown1764000000002 } from './0002-operations.js';

/** In order; a landed migration is never edited. */
export const queryMigrations = [ReadModels1764000000001, OperationsShown1764000000002] as const;
