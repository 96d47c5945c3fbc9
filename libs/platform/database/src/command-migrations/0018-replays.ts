import type { MigrationInterface, QueryRunner } from 'typeorm';

const tenant = `tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)`;

const fenced = (table: string) => `
ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
CREATE POLICY service ON ${table} TO sluice_service USING (true) WITH CHECK (true);`;

const up = `
SET LOCAL ROLE sluice_owner;

CREATE TABLE replays (                                 -- events of a channel that start their workflows again, at a rate
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  name            text NOT NULL,
  channel_id      uuid NOT NULL,
  event_id        uuid,                                -- this one alone
  kinds           text[],
  action          text,
  event_status    text,
  customer_id     text,
  date_from       timestamptz NOT NULL,                -- of the receipt; until is not among them
  date_to         timestamptz NOT NULL,
  version         text NOT NULL CHECK (version IN ('same', 'newest')),
  workflow_ids    uuid[],                              -- null: whoever listens
  rate_per_second double precision NOT NULL CHECK (rate_per_second > 0),
  reason          text NOT NULL,
  created_by      text NOT NULL,
  status          text NOT NULL CHECK (status IN ('running', 'paused', 'completed', 'cancelled')),
  done            int NOT NULL DEFAULT 0,
  cursor          uuid NOT NULL,                       -- the event that was handed on last; moves with the tasks of those before it
  due_at          timestamptz NOT NULL DEFAULT now(),  -- when the next event may go
  correlation_id  text NOT NULL,
  stream_version  bigint NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX replays_due ON replays (due_at) WHERE status = 'running';
${fenced('replays')}
CREATE POLICY tenant ON replays TO sluice_api USING (${tenant}) WITH CHECK (${tenant});
GRANT SELECT, INSERT, UPDATE ON replays TO sluice_api;
GRANT SELECT, UPDATE ON replays TO sluice_service;

CREATE TABLE source_figures (                          -- what came to a channel or provider app: counted, never one row a call
  tenant_id      uuid NOT NULL,
  source_id      uuid NOT NULL,                        -- of the channel or provider app
  id             uuid NOT NULL,                        -- whose events tell of it
  figures        jsonb NOT NULL,                       -- as the rules of the domain keep them
  look_at        timestamptz,                          -- when there is something to say of it, unless more comes; null: never
  stream_version bigint NOT NULL DEFAULT 0,
  updated_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, source_id)
);
CREATE INDEX source_figures_due ON source_figures (look_at) WHERE look_at IS NOT NULL;
${fenced('source_figures')}
GRANT SELECT, INSERT, UPDATE ON source_figures TO sluice_service;
RESET ROLE;
`;

/** Events that are replayed, and what is counted of sources. */
export class Replays1764000000018 implements MigrationInterface {
  readonly name = 'Replays1764000000018';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE source_figures, replays');
  }
}
