export { GroupCommit, type GroupCommitOptions, Overloaded } from './group-commit.js';
export { codeOf, Database, type DatabaseOptions, dataSourceFor, isRepeatable } from './database.js';
export { ApiDatabase, DatabaseModule, LogDatabase, ProjectionDatabase, ReadDatabase, ServiceDatabase } from './database.module.js';
export { commandStoreSchema, migrate, queryStoreSchema, revertLastMigration } from './migrate.js';
export { type Role, roles } from './roles.js';
