import type { MigrationInterface, QueryRunner } from 'typeorm';

const up = `
SET LOCAL ROLE sluice_owner;

-- By quota, the beginning of the window in which the tenant was told last that it is used up.
ALTER TABLE tenants ADD COLUMN quotas_told jsonb NOT NULL DEFAULT '{}';
GRANT UPDATE (stream_version, quotas_told) ON tenants TO sluice_service;

-- Runs that began within a day (UTC), of tenants that may begin so many. Counted from the runs when the first of the day begins.
CREATE TABLE daily_runs (
  tenant_id uuid NOT NULL,
  day       date NOT NULL,
  runs      int  NOT NULL,
  PRIMARY KEY (tenant_id, day)
);
ALTER TABLE daily_runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE daily_runs FORCE ROW LEVEL SECURITY;
CREATE POLICY service ON daily_runs TO sluice_service USING (true) WITH CHECK (true);
CREATE POLICY tenant ON daily_runs TO sluice_api
  USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
  WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON daily_runs TO sluice_service, sluice_api;

RESET ROLE;
`;

const down = `
SET LOCAL ROLE sluice_owner;
DROP TABLE daily_runs;
REVOKE UPDATE (stream_version, quotas_told) ON tenants FROM sluice_service;
ALTER TABLE tenants DROP COLUMN quotas_told;
RESET ROLE;
`;

/** What limits by time are counted by. */
export class Rates1764000000012 implements MigrationInterface {
  readonly name = 'Rates1764000000012';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(down);
  }
}
