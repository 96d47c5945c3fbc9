import type { Tolerated } from '@sluice/platform-config';
import type { Pool } from 'pg';

type Row = Readonly<Record<string, string | number | boolean | Date | null>>;

/** A statement whose rows are what is not safe, and what to say of them. Apps ask as they start, `sluice doctor` at any time. */
export interface SafetyCheck {
  readonly name: string;
  readonly sql: string;
  readonly well: string;
  readonly ill: (rows: readonly Row[]) => string;
  readonly next: string;
}

const named = (rows: readonly Row[]): string => rows.map(({ name }) => String(name)).join(', ');

export const durabilitySettings: SafetyCheck = {
  name: 'durability settings',
  sql: `SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'`,
  well: 'Postgres writes through to its disk.',
  ill: (rows) => `Postgres runs with ${rows.map(({ name }) => `${name}=off`).join(', ')}: a power cut loses what was acknowledged.`,
  next: 'Set it to on and reload Postgres.',
};

/** Tables with a `tenant_id`, partitions apart: they are reached through their parents alone. */
export const rowSecurity: SafetyCheck = {
  name: 'row-level security',
  sql: `SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace AND NOT (c.relrowsecurity AND c.relforcerowsecurity)`,
  well: 'Every table with tenants enforces row-level security.',
  ill: (rows) => `${named(rows)} do not enforce row-level security.`,
  next: 'ALTER TABLE … ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; find out who switched it off.',
};

export const mightyRoles: SafetyCheck = {
  name: 'roles',
  sql: `SELECT rolname AS name FROM pg_roles WHERE rolname LIKE 'sluice\\_%' AND (rolsuper OR rolbypassrls OR rolcreaterole)`,
  well: 'No role of Sluice is above row-level security.',
  ill: (rows) => `${named(rows)} may do more than they must.`,
  next: 'ALTER ROLE … NOSUPERUSER NOBYPASSRLS NOCREATEROLE.',
};

/** Whoever breaks out of the role of a connection has what its login has. */
const mightyLogin: SafetyCheck = {
  name: 'login',
  sql: `SELECT rolname AS name FROM pg_roles r WHERE rolname = session_user AND (rolsuper OR rolbypassrls OR EXISTS (
          SELECT FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND pg_has_role(r.oid, c.relowner, 'MEMBER')))`,
  well: 'The login is a member of its role and nothing else.',
  ill: (rows) => `The login ${named(rows)} is a superuser, bypasses row-level security or may become the owner of the tables.`,
  next: 'Give each app the login of docs/deploy.md.',
};

/** The role of this connection itself: nothing tolerates these. */
const mightyRole: SafetyCheck = {
  name: 'role',
  sql: `SELECT rolname AS name FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)
        UNION SELECT current_user FROM pg_class c JOIN pg_roles o ON o.oid = c.relowner
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND o.rolname = current_user`,
  well: 'The role is below row-level security.',
  ill: (rows) => `The role ${named(rows)} is a superuser, bypasses row-level security or owns the tables.`,
  next: 'ALTER ROLE … NOSUPERUSER NOBYPASSRLS; the tables belong to sluice_owner.',
};

const lateCommits: SafetyCheck = {
  name: 'synchronous_commit',
  sql: `SELECT name FROM pg_settings WHERE name = 'synchronous_commit' AND setting = 'off'`,
  well: 'A commit is on disk when it is answered.',
  ill: () => 'synchronous_commit is off in spite of the start-up options: a crash loses what was acknowledged.',
  next: 'Let the pooler pass start-up options on.',
};

/** Sentences, each with what to do next; none: it is safe to work there. */
export async function storeProblems(pool: Pool, store: string, tolerated: Tolerated): Promise<string[]> {
  const checks = [
    mightyRole,
    ...(tolerated.mightyLogin ? [] : [{ ...mightyLogin, next: `${mightyLogin.next} UNSAFE_POSTGRES_LOGIN=on lets it through.` }]),
    rowSecurity,
    lateCommits,
    ...(tolerated.notDurable
      ? []
      : [{ ...durabilitySettings, next: `${durabilitySettings.next} UNSAFE_POSTGRES_NOT_DURABLE=on lets it through.` }]),
  ];
  const problems: string[] = [];
  for (const { sql, ill, next } of checks) {
    const { rows } = await pool.query<Row>(sql);
    if (rows.length > 0) problems.push(`${store} store: ${ill(rows)} ${next}`);
  }
  return problems;
}
