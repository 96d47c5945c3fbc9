import type { QueryRunner } from 'typeorm';

/**
 * What a process may do is what its role may do: `sluice_owner` migrates, `sluice_service` is the gateway and the worker,
 * `sluice_api` the command API (one tenant at a time), `sluice_projector` reads the log and writes the read models,
 * `sluice_read` is the query API (one tenant at a time). None may log in, own a database or bypass row-level security; the
 * login of each app is a member of its role and switches to it as it connects.
 */
export const roles = ['sluice_owner', 'sluice_service', 'sluice_api', 'sluice_projector', 'sluice_read'] as const;
export type Role = (typeof roles)[number];

/** Creates the roles that are missing and lets the migrating login become each of them. Roles belong to the whole cluster. */
export async function ensureRoles(runner: QueryRunner): Promise<void> {
  for (const role of roles) {
    await runner.query(`
      DO $$ BEGIN
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '${role}') THEN
          CREATE ROLE ${role} NOLOGIN NOINHERIT;
        END IF;
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
      END $$`);
    await runner.query(`
      DO $$ BEGIN
        IF NOT pg_has_role(current_user, '${role}', 'SET') THEN
          EXECUTE format('GRANT ${role} TO %I', current_user);
        END IF;
      END $$`);
  }
  await runner.query(`GRANT USAGE, CREATE ON SCHEMA public TO sluice_owner`);
  await runner.query(`GRANT USAGE ON SCHEMA public TO ${roles.join(', ')}`);
}
