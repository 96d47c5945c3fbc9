import type { MigrationInterface, QueryRunner } from 'typeorm';

const up = `
SET LOCAL ROLE sluice_owner;

-- Entries of the audit stand in the log. Each seal closes a tenant's new ones: a hash over them and over the seal before.
CREATE TABLE audit_seals (
  tenant_id uuid NOT NULL,
  n         bigint NOT NULL CHECK (n > 0),             -- 1, 2, … of its tenant
  upto      bigint NOT NULL,                           -- the position of the log up to which it reaches, from the one before it
  entries   int NOT NULL CHECK (entries > 0),
  hash      bytea NOT NULL,
  sealed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, n)
);
CREATE TABLE audit_head (one boolean PRIMARY KEY DEFAULT true CHECK (one), last bigint NOT NULL);
INSERT INTO audit_head (last) VALUES (0);
CREATE INDEX domain_events_of_audit ON domain_events (commit_id, ord) WHERE type = 'audit.recorded';

-- All that an entry says, always in the same bytes.
CREATE FUNCTION audit_digest(id uuid, tenant_id uuid, aggregate_id uuid, correlation_id text, at timestamptz, payload jsonb)
RETURNS bytea LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT sha256(convert_to(jsonb_build_array(id, tenant_id, aggregate_id, correlation_id, extract(epoch FROM at), payload)::text, 'UTF8'))
$$;

-- Seals what is new, one caller at a time; answers the seals that it made.
CREATE FUNCTION seal_audit() RETURNS SETOF audit_seals LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  sealed bigint;
  head   bigint;
BEGIN
  SELECT last INTO sealed FROM audit_head FOR UPDATE SKIP LOCKED;
  SELECT last INTO head FROM event_head;
  IF sealed IS NULL OR head = sealed THEN RETURN; END IF;
  RETURN QUERY
    WITH fresh AS (
      SELECT e.tenant_id, count(*)::int AS entries,
             string_agg(audit_digest(e.id, e.tenant_id, e.aggregate_id, e.correlation_id, e.timestamp, e.payload), ''::bytea ORDER BY c.position, e.ord) AS digests
      FROM event_commits c JOIN domain_events e ON e.commit_id = c.id AND e.type = 'audit.recorded'
      WHERE c.position > sealed AND c.position <= head GROUP BY 1
    )
    INSERT INTO audit_seals AS s (tenant_id, n, upto, entries, hash)
    SELECT f.tenant_id, coalesce(before.n, 0) + 1, head, f.entries, sha256(coalesce(before.hash, ''::bytea) || f.digests)
    FROM fresh f
    LEFT JOIN LATERAL (SELECT b.n, b.hash FROM audit_seals b WHERE b.tenant_id = f.tenant_id ORDER BY b.n DESC LIMIT 1) before ON true
    RETURNING s.*;
  UPDATE audit_head SET last = head;
END $$;

-- Seals that do not close what the log holds now, and sealed ranges with entries that no seal knows of.
CREATE FUNCTION broken_audit_seals() RETURNS TABLE (tenant_id uuid, n bigint) LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  WITH entries AS (
    SELECT e.tenant_id, e.ord, c.position, audit_digest(e.id, e.tenant_id, e.aggregate_id, e.correlation_id, e.timestamp, e.payload) AS digest,
           (SELECT s.n FROM audit_seals s WHERE s.tenant_id = e.tenant_id AND s.upto >= c.position ORDER BY s.n LIMIT 1) AS n
    FROM domain_events e JOIN event_commits c ON c.id = e.commit_id
    WHERE e.type = 'audit.recorded' AND c.position <= (SELECT last FROM audit_head)
  ), found AS (
    SELECT e.tenant_id, e.n, count(*) AS entries, string_agg(e.digest, ''::bytea ORDER BY e.position, e.ord) AS digests
    FROM entries e GROUP BY 1, 2
  ), chain AS (
    SELECT s.*, lag(s.hash) OVER tenant AS hash_before, row_number() OVER tenant AS turn FROM audit_seals s WINDOW tenant AS (PARTITION BY s.tenant_id ORDER BY s.n)
  )
  SELECT coalesce(s.tenant_id, f.tenant_id), s.n FROM chain s FULL JOIN found f ON f.tenant_id = s.tenant_id AND f.n = s.n
  WHERE s.n IS NULL OR s.n <> s.turn OR f.entries IS DISTINCT FROM s.entries
     OR s.hash IS DISTINCT FROM sha256(coalesce(s.hash_before, ''::bytea) || f.digests)
$$;

ALTER TABLE audit_seals ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_seals FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_seals ON audit_seals TO sluice_owner USING (true) WITH CHECK (true);
CREATE POLICY every_tenant ON audit_seals FOR SELECT TO sluice_service USING (true);
GRANT SELECT ON audit_seals, audit_head TO sluice_service;
REVOKE EXECUTE ON FUNCTION seal_audit(), broken_audit_seals() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION seal_audit(), broken_audit_seals() TO sluice_service;
RESET ROLE;
`;

const down = `
SET LOCAL ROLE sluice_owner;
DROP FUNCTION broken_audit_seals(), seal_audit(), audit_digest(uuid, uuid, uuid, text, timestamptz, jsonb);
DROP INDEX domain_events_of_audit;
DROP TABLE audit_seals, audit_head;
RESET ROLE;
`;

/** The audit cannot be changed unnoticed: its entries are sealed, each seal over the one before. */
export class AuditSeals1764000000014 implements MigrationInterface {
  readonly name = 'AuditSeals1764000000014';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(down);
  }
}
