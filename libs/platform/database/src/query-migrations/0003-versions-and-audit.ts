import type { MigrationInterface, QueryRunner } from 'typeorm';

const readModels = ['workflow_version', 'audit_log'];

const up = `
SET LOCAL ROLE sluice_owner;

CREATE TABLE workflow_version (                        -- what was published, as it was then
  tenant_id    uuid NOT NULL,
  workflow_id  uuid NOT NULL,
  version      int NOT NULL,
  id           uuid NOT NULL,
  revision     int,                                    -- of the draft that it was made of; null: it came by a rollback
  from_version int,                                    -- the version that was rolled back to
  nodes        jsonb NOT NULL,
  edges        jsonb NOT NULL,
  settings     jsonb NOT NULL,
  published_by text NOT NULL,
  published_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, workflow_id, version)
);

CREATE TABLE audit_log (
  tenant_id      uuid NOT NULL,
  id             uuid NOT NULL,
  action         text NOT NULL,
  by             text NOT NULL,
  role           text NOT NULL,
  subject_type   text,
  subject_id     text,
  caller_address text,
  method         text NOT NULL,
  path           text NOT NULL,
  correlation_id text NOT NULL,
  recorded_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX audit_log_newest ON audit_log (tenant_id, recorded_at DESC, id DESC);
CREATE INDEX audit_log_of_subject ON audit_log (tenant_id, subject_id, recorded_at DESC, id DESC) WHERE subject_id IS NOT NULL;
CREATE INDEX audit_log_of_caller ON audit_log (tenant_id, by, recorded_at DESC, id DESC);
CREATE INDEX audit_log_of_correlation ON audit_log (tenant_id, correlation_id);

-- A node's history, and a node run by its id.
CREATE INDEX execution_detail_of_node ON execution_detail (tenant_id, workflow_id, node_id, ord DESC, execution_id DESC, iteration DESC);
CREATE INDEX execution_detail_by_id ON execution_detail (tenant_id, id);
-- A cursor through what has one status does not read past the others; nor do events of a day.
CREATE INDEX execution_summary_of_status ON execution_summary (tenant_id, status, started_at DESC, id DESC);
CREATE INDEX webhook_event_history_newest ON webhook_event_history (tenant_id, received_at DESC, id DESC);
CREATE INDEX webhook_summary_newest ON webhook_summary (tenant_id, created_at DESC, id DESC);

-- What cursors of lists are signed with: made with this store, so that all its query APIs share it and another store's cursors are foreign.
CREATE TABLE cursor_key (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  key    bytea NOT NULL
);
INSERT INTO cursor_key (key) VALUES (sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));
GRANT SELECT ON cursor_key TO sluice_read;

${readModels
  .map(
    (table) => `
ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
CREATE POLICY projector ON ${table} TO sluice_projector USING (true) WITH CHECK (true);
CREATE POLICY tenant ON ${table} FOR SELECT TO sluice_read USING (tenant_id = (SELECT current_tenant()));
GRANT SELECT, INSERT ON ${table} TO sluice_projector;
GRANT SELECT ON ${table} TO sluice_read;`,
  )
  .join('\n')}
RESET ROLE;
`;

/** Versions and the audit, both only added to; what lists need to go on from a cursor. */
export class VersionsAndAudit1764000000003 implements MigrationInterface {
  readonly name = 'VersionsAndAudit1764000000003';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX IF EXISTS webhook_summary_newest, webhook_event_history_newest, execution_summary_of_status, execution_detail_by_id,
        execution_detail_of_node;
      DROP TABLE ${[...readModels, 'cursor_key'].join(', ')};`);
  }
}
