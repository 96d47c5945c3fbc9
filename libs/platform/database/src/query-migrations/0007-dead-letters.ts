import type { MigrationInterface, QueryRunner } from 'typeorm';

const up = `
SET LOCAL ROLE sluice_owner;

CREATE TABLE dead_letters (                            -- what the system gave up, and what a person decided about it
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  task_id          bigint NOT NULL,
  kind             text NOT NULL,
  reason           text NOT NULL,
  status           text NOT NULL,
  error            jsonb NOT NULL,
  execution_id     uuid,
  workflow_id      uuid,
  webhook_event_id uuid,
  node_id          text,
  iteration        text,
  correlation_id   text NOT NULL,
  died_at          timestamptz NOT NULL,
  decided_by       text,
  decided_at       timestamptz,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX dead_letters_newest ON dead_letters (tenant_id, died_at DESC, id DESC);
CREATE INDEX dead_letters_open ON dead_letters (tenant_id, died_at DESC, id DESC) WHERE status = 'open';
ALTER TABLE dead_letters ENABLE ROW LEVEL SECURITY;
ALTER TABLE dead_letters FORCE ROW LEVEL SECURITY;
CREATE POLICY projector ON dead_letters TO sluice_projector USING (true) WITH CHECK (true);
CREATE POLICY tenant ON dead_letters FOR SELECT TO sluice_read USING (tenant_id = (SELECT current_tenant()));
GRANT SELECT, INSERT, UPDATE ON dead_letters TO sluice_projector;
GRANT SELECT ON dead_letters TO sluice_read;

-- Runs with a call in doubt are few, and somebody looks for them.
CREATE INDEX execution_detail_in_doubt ON execution_detail (tenant_id, execution_id) WHERE status = 'in_doubt';

RESET ROLE;
`;

const down = `
SET LOCAL ROLE sluice_owner;
DROP INDEX execution_detail_in_doubt;
DROP TABLE dead_letters;
RESET ROLE;
`;

/** Dead letters, and what is in doubt. */
export class DeadLettersShown1764000000007 implements MigrationInterface {
  readonly name = 'DeadLettersShown1764000000007';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(down);
  }
}
