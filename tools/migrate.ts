import { migrate } from '@sluice/platform-database';

/** `npm run migrate`: brings both stores to this version's schema; the deployment step before any app starts. */
const { COMMAND_DATABASE_URL: commandUrl, QUERY_DATABASE_URL: queryUrl } = process.env;
if (commandUrl === undefined || queryUrl === undefined) {
  console.error('COMMAND_DATABASE_URL and QUERY_DATABASE_URL say what to migrate: a login there that may create tables and roles.');
  process.exit(1);
}
await migrate({ commandUrl, queryUrl, log: console.log });
