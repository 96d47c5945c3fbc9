import type { MigrationInterface, QueryRunner } from 'typeorm';

const fenced = (table: string) => `
ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
CREATE POLICY projector ON ${table} TO sluice_projector USING (true) WITH CHECK (true);
CREATE POLICY tenant ON ${table} FOR SELECT TO sluice_read USING (tenant_id = (SELECT current_tenant()));
GRANT SELECT, INSERT, UPDATE ON ${table} TO sluice_projector;
GRANT SELECT ON ${table} TO sluice_read;`;

const up = `
SET LOCAL ROLE sluice_owner;

CREATE TABLE replay (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  name         text NOT NULL,
  status       text NOT NULL,
  request      jsonb NOT NULL,                          -- filter, version, workflows, rate, reason: as it was asked for
  requested_by text NOT NULL,
  total        int NOT NULL,
  done         int NOT NULL,
  executions   int NOT NULL,                           -- runs that it began
  failed       int NOT NULL,                           -- events whose start failed
  started_at   timestamptz NOT NULL,
  ended_at     timestamptz,
  ended_by     text,
  PRIMARY KEY (tenant_id, id)
);
${fenced('replay')}

CREATE TABLE source (                                  -- what came to a channel or provider app, and what was noticed about it
  tenant_id        uuid NOT NULL,
  source_id        uuid NOT NULL,
  accepted_calls   bigint NOT NULL,
  events           jsonb NOT NULL,                     -- counts: accepted, ignored, duplicate, conflicting
  rejected         jsonb NOT NULL,                     -- calls by reason
  last_accepted_at timestamptz,
  last_rejected_at timestamptz,
  last_rejection   text,
  usual_gap_ms     bigint,
  silent_since     timestamptz,
  failing_since    timestamptz,
  alerts           jsonb NOT NULL,                     -- the newest, as are the conflicts
  conflicts        jsonb NOT NULL,
  updated_at       timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, source_id)
);
${fenced('source')}

RESET ROLE;
`;

/** Replays, and what sources are like. */
export class Sources1764000000009 implements MigrationInterface {
  readonly name = 'Sources1764000000009';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('SET LOCAL ROLE sluice_owner; DROP TABLE source, replay; RESET ROLE;');
  }
}
