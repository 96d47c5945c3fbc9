import type { MigrationInterface, QueryRunner } from 'typeorm';

const fenced = (table: string) => `
ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
CREATE POLICY projector ON ${table} TO sluice_projector USING (true) WITH CHECK (true);
CREATE POLICY tenant ON ${table} FOR SELECT TO sluice_read USING (tenant_id = (SELECT current_tenant()));
GRANT SELECT ON ${table} TO sluice_read;`;

const up = `
SET LOCAL ROLE sluice_owner;

CREATE TABLE backtest (
  tenant_id      uuid NOT NULL,
  id             uuid NOT NULL,
  workflow_id    uuid NOT NULL,
  status         text NOT NULL,
  requested_by   text NOT NULL,
  draft_revision int NOT NULL,
  live_version   int NOT NULL,
  total          int NOT NULL,
  done           int NOT NULL,
  different      int NOT NULL,
  error          jsonb,
  started_at     timestamptz NOT NULL,
  completed_at   timestamptz,
  PRIMARY KEY (tenant_id, id)
);
CREATE TABLE backtest_part (                           -- what one chunk of a backtest found
  tenant_id   uuid NOT NULL,
  backtest_id uuid NOT NULL,
  part        int NOT NULL,
  results     jsonb NOT NULL,
  PRIMARY KEY (tenant_id, backtest_id, part)
);
${fenced('backtest')}
${fenced('backtest_part')}
GRANT SELECT, INSERT, UPDATE ON backtest TO sluice_projector;
GRANT SELECT, INSERT ON backtest_part TO sluice_projector;

RESET ROLE;
`;

/** What backtests of drafts found. */
export class BacktestsShown1764000000005 implements MigrationInterface {
  readonly name = 'BacktestsShown1764000000005';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('SET LOCAL ROLE sluice_owner; DROP TABLE backtest_part, backtest; RESET ROLE;');
  }
}
