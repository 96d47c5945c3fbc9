import type { MigrationInterface, QueryRunner } from 'typeorm';
import { up as foundation } from './0001-foundation.js';

const up = `
SET LOCAL ROLE sluice_owner;

-- Makes the log's partitions up to the one after the newest commit's; returns how many rows fell into the default one. A partition whose
-- rows lie there cannot be made any more: trying to would only lock the log.
CREATE OR REPLACE FUNCTION ensure_event_partitions() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  width  constant bigint := 500000;
  newest bigint := coalesce((SELECT max(id) FROM event_commits), 0);
  first  bigint;
BEGIN
  FOR n IN newest / width .. newest / width + 1 LOOP
    first := n * width;
    CONTINUE WHEN to_regclass('public.domain_events_r' || n) IS NOT NULL
      OR EXISTS (SELECT FROM domain_events_default WHERE commit_id >= first AND commit_id < first + width);
    BEGIN
      PERFORM pg_advisory_xact_lock(hashtext('sluice.event_partitions'));
      IF to_regclass('public.domain_events_r' || n) IS NULL THEN
        EXECUTE format('CREATE TABLE public.domain_events_r%s PARTITION OF public.domain_events FOR VALUES FROM (%s) TO (%s)', n, first, first + width);
      END IF;
    EXCEPTION WHEN check_violation THEN NULL;          -- its first row came meanwhile
    END;
  END LOOP;
  RETURN (SELECT count(*) FROM (SELECT 1 FROM domain_events_default LIMIT 1000) stray);
END $$;

RESET ROLE;
`;

const before = foundation
  .slice(foundation.indexOf('-- Makes the log'), foundation.indexOf('-- Gives positions'))
  .replace('CREATE FUNCTION', 'CREATE OR REPLACE FUNCTION');

const down = `
SET LOCAL ROLE sluice_owner;
${before}
RESET ROLE;
`;

/** A partition of the log that cannot be made holds up no other. */
export class LogKeeping1764000000022 implements MigrationInterface {
  readonly name = 'LogKeeping1764000000022';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(down);
  }
}
