import type { MigrationInterface, QueryRunner } from 'typeorm';

const sealedTables = ['credentials', 'provider_apps', 'http_credentials'];

const up = `
SET LOCAL ROLE sluice_owner;

ALTER TABLE channels ADD COLUMN credentials_outside int; -- the version that counts of those that are kept outside; null: the newest row of credentials

-- Workers renew credentials; all of them are sealed anew when a key is replaced.
GRANT INSERT, DELETE, UPDATE (key_id, sealed) ON credentials TO sluice_service;
GRANT UPDATE (key_id, sealed) ON provider_apps, http_credentials TO sluice_service;
GRANT UPDATE (credentials_outside) ON channels TO sluice_service;

${sealedTables.map((table) => `CREATE POLICY owner_keys ON ${table} FOR SELECT TO sluice_owner USING (true);`).join('\n')}

-- Of every tenant: how many secrets are sealed with which key, each with one of them, still sealed. Every app asks as it starts.
CREATE FUNCTION sealed_by_key()
RETURNS TABLE (key_id text, secrets bigint, context text, sealed bytea) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT n.key_id, n.secrets, one.context, one.sealed FROM (SELECT c.key_id, count(*) AS secrets FROM credentials c GROUP BY 1) n
  CROSS JOIN LATERAL (SELECT concat_ws('|', c.tenant_id, c.channel_id, c.version) AS context, c.sealed FROM credentials c WHERE c.key_id = n.key_id LIMIT 1) one
  UNION ALL
  SELECT n.key_id, n.secrets, one.context, one.sealed FROM (SELECT a.key_id, count(*) AS secrets FROM provider_apps a WHERE a.sealed IS NOT NULL GROUP BY 1) n
  CROSS JOIN LATERAL (SELECT concat_ws('|', a.tenant_id, 'provider_app', a.id) AS context, a.sealed FROM provider_apps a WHERE a.key_id = n.key_id LIMIT 1) one
  UNION ALL
  SELECT n.key_id, n.secrets, one.context, one.sealed FROM (SELECT h.key_id, count(*) AS secrets FROM http_credentials h GROUP BY 1) n
  CROSS JOIN LATERAL (SELECT concat_ws('|', h.tenant_id, h.id, h.version) AS context, h.sealed FROM http_credentials h WHERE h.key_id = n.key_id LIMIT 1) one
$$;
REVOKE EXECUTE ON FUNCTION sealed_by_key() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sealed_by_key() TO sluice_service, sluice_api;
RESET ROLE;
`;

const down = `
SET LOCAL ROLE sluice_owner;
DROP FUNCTION sealed_by_key();
${sealedTables.map((table) => `DROP POLICY owner_keys ON ${table};`).join('\n')}
REVOKE INSERT, DELETE, UPDATE (key_id, sealed) ON credentials FROM sluice_service;
REVOKE UPDATE (key_id, sealed) ON provider_apps, http_credentials FROM sluice_service;
ALTER TABLE channels DROP COLUMN credentials_outside;
RESET ROLE;
`;

/** Credentials may be kept outside, are renewed by workers, and are sealed anew when a key is replaced. */
export class CredentialStore1764000000016 implements MigrationInterface {
  readonly name = 'CredentialStore1764000000016';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(down);
  }
}
