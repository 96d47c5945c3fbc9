export { GroupCommit, type GroupCommitOptions, Overloaded } from './group-commit.js';
export { codeOf, Database, type DatabaseOptions, dataSourceFor, isOutage, repeated } from './database.js';
export { ApiDatabase, DatabaseModule, LogDatabase, ProjectionDatabase, ReadDatabase, ServiceDatabase } from './database.module.js';
export { commandStoreSchema, migrate, queryStoreSchema } from './migrate.js';
export { type Role } from './roles.js';
export { storeClock } from './store-clock.js';
export { durabilitySettings, mightyRoles, rowSecurity, type SafetyCheck } from './store-safety.js';
