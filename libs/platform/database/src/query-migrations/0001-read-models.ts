import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ensureRoles } from '../roles.js';

const readModels = [
  'workflow_summary',
  'workflow_detail',
  'execution_summary',
  'execution_detail',
  'webhook_summary',
  'webhook_event_history',
  'channel_summary',
  'api_key_directory',
];

/** What the query API may see of a key: all but its hash, by which `find_api_key` alone recognises it. */
const apiKeyColumns = 'tenant_id, id, name, role, prefix, expires_at, revoked_at, created_by, created_at';

const up = `
SET LOCAL ROLE sluice_owner;

CREATE TABLE projection_checkpoints (
  shard      text PRIMARY KEY,
  position   bigint NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO projection_checkpoints (shard, position) VALUES ('all', 0);

CREATE TABLE projection_parked (                       -- aggregates whose event a projection could not fold
  tenant_id    uuid NOT NULL,
  aggregate_id uuid NOT NULL,
  projection   text NOT NULL,
  position     bigint NOT NULL,
  event_type   text NOT NULL,
  error        text NOT NULL,
  parked_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, aggregate_id, projection)
);

CREATE TABLE workflow_summary (
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  name            text NOT NULL,
  description     text,
  status          text NOT NULL,
  tags            text[] NOT NULL,
  revision        int NOT NULL,
  version         int NOT NULL,
  created_by      text NOT NULL,
  execution_count bigint NOT NULL,
  last_executed   timestamptz,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX workflow_summary_newest ON workflow_summary (tenant_id, created_at DESC, id DESC);

CREATE TABLE workflow_detail (
  tenant_id          uuid NOT NULL,
  id                 uuid NOT NULL,
  nodes              jsonb NOT NULL,
  edges              jsonb NOT NULL,
  settings           jsonb NOT NULL,
  published_revision int NOT NULL,
  published_at       timestamptz,
  PRIMARY KEY (tenant_id, id)
);

CREATE TABLE execution_summary (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  workflow_id      uuid NOT NULL,
  workflow_version int NOT NULL,
  status           text NOT NULL,
  entry_node_id    text NOT NULL,
  trigger_meta     jsonb NOT NULL,
  webhook_event_id uuid,
  customer_id      text,
  correlation_id   text NOT NULL,
  input            jsonb,
  output           jsonb,
  error            jsonb,
  started_at       timestamptz NOT NULL,
  completed_at     timestamptz,
  updated_at       timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX execution_summary_newest ON execution_summary (tenant_id, started_at DESC, id DESC);
CREATE INDEX execution_summary_of_workflow ON execution_summary (tenant_id, workflow_id, started_at DESC, id DESC);
CREATE INDEX execution_summary_of_customer ON execution_summary (tenant_id, customer_id, started_at DESC, id DESC) WHERE customer_id IS NOT NULL;

CREATE TABLE execution_detail (                        -- one row per node run
  tenant_id    uuid NOT NULL,
  execution_id uuid NOT NULL,
  node_id      text NOT NULL,
  iteration    text NOT NULL DEFAULT '',
  id           uuid NOT NULL,
  workflow_id  uuid NOT NULL,
  type         text NOT NULL,
  status       text NOT NULL,
  attempt      int NOT NULL,
  handle       text,
  input_from   text[] NOT NULL,                        -- the nodes whose output is this one's input; none: the run's input
  joined       boolean NOT NULL,                       -- the input is an object by node id, even of one node
  passes_input boolean NOT NULL,                       -- the output is the run's input, which is not repeated
  output       jsonb,
  error        jsonb,
  wait_until   timestamptz,
  started_at   timestamptz,
  completed_at timestamptz,
  ord          bigint NOT NULL,                        -- log position of the run's first event: the order in which they began
  PRIMARY KEY (tenant_id, execution_id, node_id, iteration)
);

CREATE TABLE webhook_summary (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  name             text NOT NULL,
  workflow_id      uuid NOT NULL,
  node_id          text NOT NULL,
  provider         text NOT NULL,
  channel_id       uuid NOT NULL,
  config           jsonb NOT NULL,
  endpoint         text NOT NULL,
  status           text NOT NULL,
  total_calls      bigint NOT NULL,
  successful_calls bigint NOT NULL,
  last_called_at   timestamptz,
  created_by       text NOT NULL,
  created_at       timestamptz NOT NULL,
  updated_at       timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);

CREATE TABLE webhook_event_history (
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  channel_id      uuid NOT NULL,
  delivery_id     uuid NOT NULL,
  provider        text NOT NULL,
  kind            text NOT NULL,
  action          text NOT NULL,
  dedupe_key      text NOT NULL,
  account_id      text,
  customer_id     text,
  direction       text NOT NULL,
  triggers        boolean NOT NULL,
  status          text NOT NULL,
  ignored_because text,
  webhook_ids     uuid[] NOT NULL,
  execution_ids   uuid[] NOT NULL,
  item            jsonb NOT NULL,
  error           jsonb,
  correlation_id  text NOT NULL,
  occurred_at     timestamptz NOT NULL,
  received_at     timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX webhook_event_history_of_channel ON webhook_event_history (tenant_id, channel_id, received_at DESC, id DESC);

CREATE TABLE channel_summary (
  tenant_id           uuid NOT NULL,
  id                  uuid NOT NULL,
  provider            text NOT NULL,
  name                text NOT NULL,
  external_account_id text,
  status              text NOT NULL,
  config              jsonb NOT NULL,
  expires_at          timestamptz,
  created_by          text NOT NULL,
  created_at          timestamptz NOT NULL,
  updated_at          timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);

CREATE TABLE api_key_directory (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  name       text NOT NULL,
  role       text NOT NULL,
  prefix     text NOT NULL,
  hash       text NOT NULL,                            -- SHA-256 of the whole key, hex
  expires_at timestamptz,
  revoked_at timestamptz,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX api_key_directory_by_hash ON api_key_directory (hash);

-- The same question as in the command store, answered from the read model.
CREATE FUNCTION find_api_key(key_hash text)
RETURNS TABLE (tenant_id uuid, id uuid, name text, role text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT k.tenant_id, k.id, k.name, k.role FROM api_key_directory k
  WHERE k.hash = key_hash AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
  LIMIT 1
$$;

-- Who may see what: the projector everything; the query API the tenant it set for its transaction. A Supabase frontend that reads
-- directly carries its tenant in the claims of its token.
CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE AS $$
  SELECT coalesce(
    nullif(current_setting('app.tenant_id', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb #>> '{app_metadata,tenant_id}'
  )::uuid
$$;

${[...readModels, 'projection_parked']
  .map(
    (table) => `
ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
CREATE POLICY projector ON ${table} TO sluice_projector USING (true) WITH CHECK (true);
CREATE POLICY tenant ON ${table} FOR SELECT TO sluice_read USING (tenant_id = (SELECT current_tenant()));
GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO sluice_projector;
GRANT SELECT${table === 'api_key_directory' ? ` (${apiKeyColumns})` : ''} ON ${table} TO sluice_read;`,
  )
  .join('\n')}
CREATE POLICY owner_lookup ON api_key_directory FOR SELECT TO sluice_owner USING (true);
GRANT SELECT, UPDATE ON projection_checkpoints TO sluice_projector;
GRANT SELECT ON projection_checkpoints TO sluice_read;
REVOKE EXECUTE ON FUNCTION find_api_key(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_api_key(text) TO sluice_read;
RESET ROLE;
`;

/** The query store: checkpoints and read models, with row-level security by tenant. */
export class ReadModels1764000000001 implements MigrationInterface {
  readonly name = 'ReadModels1764000000001';

  async up(runner: QueryRunner): Promise<void> {
    await ensureRoles(runner);
    await runner.query('GRANT SELECT ON sluice_query_migrations TO sluice_projector, sluice_read');
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION find_api_key(text);
      DROP TABLE ${[...readModels, 'projection_parked', 'projection_checkpoints'].join(', ')};
      DROP FUNCTION current_tenant();`);
  }
}
