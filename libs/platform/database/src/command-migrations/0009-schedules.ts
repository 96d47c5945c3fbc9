import type { MigrationInterface, QueryRunner } from 'typeorm';

const tenant = `tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)`;

const up = `
SET LOCAL ROLE sluice_owner;

CREATE TABLE schedules (                               -- the trigger.schedule nodes of what is live
  tenant_id    uuid NOT NULL,
  workflow_id  uuid NOT NULL,
  node_id      text NOT NULL,
  version_id   uuid NOT NULL,                          -- the version that is live
  cron         text NOT NULL,
  time_zone    text NOT NULL,
  catch_up     text NOT NULL CHECK (catch_up IN ('skip', 'one', 'all')),
  catch_up_max int NOT NULL,
  next_at      timestamptz,                            -- null: never again
  last_at      timestamptz,                            -- the newest instant for which a run began
  problem      text,                                   -- why it is never again: a time zone that is gone
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, workflow_id, node_id),
  CHECK (problem IS NULL OR next_at IS NULL)
);
CREATE INDEX schedules_due ON schedules (next_at) WHERE next_at IS NOT NULL;

ALTER TABLE schedules ENABLE ROW LEVEL SECURITY;
ALTER TABLE schedules FORCE ROW LEVEL SECURITY;
CREATE POLICY service ON schedules TO sluice_service USING (true) WITH CHECK (true);
CREATE POLICY tenant ON schedules TO sluice_api USING (${tenant}) WITH CHECK (${tenant});
GRANT SELECT, INSERT, UPDATE, DELETE ON schedules TO sluice_api;
GRANT SELECT, UPDATE ON schedules TO sluice_service;
RESET ROLE;
`;

/** When workflows begin by the clock. */
export class Schedules1764000000009 implements MigrationInterface {
  readonly name = 'Schedules1764000000009';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE schedules');
  }
}
