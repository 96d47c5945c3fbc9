import type { MigrationInterface, QueryRunner } from 'typeorm';

const up = `
SET LOCAL ROLE sluice_owner;

ALTER TABLE execution_detail
  ADD COLUMN items               jsonb,                -- of a loop, or what stands for them
  ADD COLUMN item_count          int,
  ADD COLUMN waits_for           text,
  ADD COLUMN called_execution_id uuid;
ALTER TABLE execution_summary ADD COLUMN parent_execution_id uuid;

CREATE TABLE blobs (                                   -- large values, as the log refers to them
  tenant_id  uuid NOT NULL,
  sha256     bytea NOT NULL,
  bytes      bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, sha256)
);
ALTER TABLE blobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE blobs FORCE ROW LEVEL SECURITY;
CREATE POLICY projector ON blobs TO sluice_projector USING (true) WITH CHECK (true);
CREATE POLICY tenant ON blobs FOR SELECT TO sluice_read USING (tenant_id = (SELECT current_tenant()));
GRANT SELECT, INSERT, DELETE ON blobs TO sluice_projector;
GRANT SELECT ON blobs TO sluice_read;

RESET ROLE;
`;

const down = `
SET LOCAL ROLE sluice_owner;
DROP TABLE blobs;
ALTER TABLE execution_summary DROP COLUMN parent_execution_id;
ALTER TABLE execution_detail DROP COLUMN items, DROP COLUMN item_count, DROP COLUMN waits_for, DROP COLUMN called_execution_id;
RESET ROLE;
`;

/** Loops, waits and calls, and large values. */
export class WholeEngineShown1764000000004 implements MigrationInterface {
  readonly name = 'WholeEngineShown1764000000004';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(down);
  }
}
