import type { MigrationInterface, QueryRunner } from 'typeorm';

const up = `
SET LOCAL ROLE sluice_owner;

ALTER TABLE channel_summary
  ADD COLUMN health        text NOT NULL DEFAULT 'ok',
  ADD COLUMN health_reason jsonb,
  ADD COLUMN health_since  timestamptz;                -- null: since it was connected

CREATE TABLE channel_health (                          -- what of a channel went well, and what did not
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  last_success_at timestamptz,
  last_error      jsonb,
  PRIMARY KEY (tenant_id, id)
);
ALTER TABLE channel_health ENABLE ROW LEVEL SECURITY;
ALTER TABLE channel_health FORCE ROW LEVEL SECURITY;
CREATE POLICY projector ON channel_health TO sluice_projector USING (true) WITH CHECK (true);
CREATE POLICY tenant ON channel_health FOR SELECT TO sluice_read USING (tenant_id = (SELECT current_tenant()));
GRANT SELECT, INSERT, UPDATE ON channel_health TO sluice_projector;
GRANT SELECT ON channel_health TO sluice_read;

RESET ROLE;
`;

const down = `
SET LOCAL ROLE sluice_owner;
DROP TABLE channel_health;
ALTER TABLE channel_summary DROP COLUMN health, DROP COLUMN health_reason, DROP COLUMN health_since;
RESET ROLE;
`;

/** How channels are. */
export class ChannelHealthShown1764000000008 implements MigrationInterface {
  readonly name = 'ChannelHealthShown1764000000008';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(down);
  }
}
