import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ensureRoles } from '../roles.js';

const tenantTables = [
  'tenants',
  'api_keys',
  'workflows',
  'workflow_versions',
  'channels',
  'credentials',
  'webhooks',
  'webhook_events',
  'workflow_executions',
  'node_executions',
  'tasks',
  'timers',
  'effects',
  'domain_events',
  'blobs',
];

const hashPartitions = (table: string) =>
  Array.from(
    { length: 8 },
    (_, n) => `CREATE TABLE ${table}_p${n} PARTITION OF ${table} FOR VALUES WITH (MODULUS 8, REMAINDER ${n});`,
  ).join('\n');

export const up = `
SET LOCAL ROLE sluice_owner;

-- Tenancy ------------------------------------------------------------------------------------------------------------
CREATE TABLE tenants (
  id             uuid PRIMARY KEY,
  name           text NOT NULL,
  effect_secret  bytea NOT NULL,                       -- key of the HMAC behind effect keys (R6)
  quotas         jsonb NOT NULL DEFAULT '{}',
  env            jsonb NOT NULL DEFAULT '{}',
  stream_version bigint NOT NULL DEFAULT 0,
  created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_keys (
  tenant_id      uuid NOT NULL,                        -- the nil UUID for platform keys
  id             uuid NOT NULL,
  name           text NOT NULL,
  role           text NOT NULL CHECK (role IN ('viewer', 'editor', 'operator', 'admin', 'platform')),
  prefix         text NOT NULL,
  hash           bytea NOT NULL,                       -- SHA-256 of the whole key
  expires_at     timestamptz,
  revoked_at     timestamptz,
  stream_version bigint NOT NULL DEFAULT 0,
  created_by     text NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, hash)
);
CREATE INDEX api_keys_by_hash ON api_keys (hash);

-- Authoring ----------------------------------------------------------------------------------------------------------
CREATE TABLE workflows (
  tenant_id          uuid NOT NULL,
  id                 uuid NOT NULL,
  name               text NOT NULL,
  description        text,
  status             text NOT NULL CHECK (status IN ('draft', 'published', 'archived')),
  revision           int NOT NULL,
  version            int NOT NULL DEFAULT 0,           -- the newest published one; 0: none yet
  published_revision int NOT NULL DEFAULT 0,
  draft              jsonb NOT NULL,
  tags               text[] NOT NULL DEFAULT '{}',
  settings           jsonb NOT NULL DEFAULT '{}',
  stream_version     bigint NOT NULL DEFAULT 0,
  created_by         text NOT NULL,
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);

CREATE TABLE workflow_versions (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  workflow_id  uuid NOT NULL,
  version      int NOT NULL,
  graph        jsonb NOT NULL,
  settings     jsonb NOT NULL DEFAULT '{}',
  published_by text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, workflow_id, version)
);

CREATE TABLE channels (
  tenant_id           uuid NOT NULL,
  id                  uuid NOT NULL,
  provider            text NOT NULL,
  name                text NOT NULL,
  external_account_id text,
  status              text NOT NULL CHECK (status IN ('connected', 'deleted')),
  config              jsonb NOT NULL DEFAULT '{}',
  expires_at          timestamptz,
  stream_version      bigint NOT NULL DEFAULT 0,
  created_by          text NOT NULL,
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX channels_by_id ON channels (id);          -- a path names a channel, not a tenant

CREATE TABLE credentials (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  channel_id uuid NOT NULL,
  version    int NOT NULL,
  key_id     text NOT NULL,
  sealed     bytea NOT NULL,                           -- AES-256-GCM: nonce ‖ tag ‖ ciphertext; AAD = tenant ‖ channel ‖ version
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, channel_id, version)
);

CREATE TABLE webhooks (
  tenant_id      uuid NOT NULL,
  id             uuid NOT NULL,
  name           text NOT NULL,
  workflow_id    uuid NOT NULL,
  node_id        text NOT NULL,
  provider       text NOT NULL,
  channel_id     uuid NOT NULL,
  trigger_type   text NOT NULL,
  action_types   text[] NOT NULL,                      -- {all}: every family
  filter         text,                                 -- an expression over the event
  endpoint       text NOT NULL,
  status         text NOT NULL CHECK (status IN ('active', 'inactive')),
  stream_version bigint NOT NULL DEFAULT 0,
  created_by     text NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX webhooks_listening ON webhooks (tenant_id, channel_id) WHERE status = 'active';
CREATE INDEX webhooks_of_workflow ON webhooks (tenant_id, workflow_id) WHERE status = 'active';

-- Ingest -------------------------------------------------------------------------------------------------------------
CREATE TABLE webhook_deliveries (                      -- one per HTTP call, as signed; service role only
  id                uuid PRIMARY KEY,
  tenant_id         uuid,
  channel_or_app_id uuid NOT NULL,
  body              bytea NOT NULL,
  headers           jsonb NOT NULL,
  received_at       timestamptz NOT NULL
);
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries USING brin (received_at);

CREATE TABLE webhook_events (                          -- one per canonical event
  tenant_id      uuid NOT NULL,
  id             uuid NOT NULL,
  delivery_id    uuid NOT NULL,
  channel_id     uuid NOT NULL,
  kind           text NOT NULL,
  action         text NOT NULL,
  dedupe_key     text NOT NULL,
  customer_id    text,
  item           jsonb NOT NULL,                       -- the canonical event, as workflows see it
  status         text NOT NULL CHECK (status IN ('received', 'processed', 'ignored', 'failed')),
  ignored_because text,
  correlation_id text NOT NULL,
  stream_version bigint NOT NULL DEFAULT 1,
  occurred_at    timestamptz NOT NULL,
  received_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, channel_id, dedupe_key)
) PARTITION BY HASH (tenant_id);
${hashPartitions('webhook_events')}

-- Execution ----------------------------------------------------------------------------------------------------------
CREATE TABLE workflow_executions (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  workflow_id      uuid NOT NULL,
  workflow_version int NOT NULL,
  version_id       uuid NOT NULL,
  version          bigint NOT NULL,                    -- of the execution: its events so far; the fence of every commit
  status           text NOT NULL CHECK (status IN ('running', 'waiting', 'paused', 'completed', 'failed', 'cancelled', 'incomplete')),
  start_key        text NOT NULL,
  entry_node_id    text NOT NULL,
  trigger_meta     jsonb NOT NULL,                     -- TriggerMetadata and what started it
  customer_id      text,
  correlation_id   text NOT NULL,
  input            jsonb NOT NULL,
  output           jsonb,
  error            jsonb,
  started_at       timestamptz NOT NULL,
  completed_at     timestamptz,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, workflow_id, start_key)
) PARTITION BY HASH (tenant_id);
${hashPartitions('workflow_executions')}
CREATE INDEX workflow_executions_open ON workflow_executions (tenant_id, id) WHERE status IN ('running', 'waiting', 'paused');

CREATE TABLE node_executions (
  tenant_id             uuid NOT NULL,
  workflow_execution_id uuid NOT NULL,
  node_id               text NOT NULL,
  iteration             text NOT NULL DEFAULT '',
  id                    uuid NOT NULL,
  status                text NOT NULL CHECK (status IN ('running', 'waiting', 'completed', 'failed', 'skipped', 'in_doubt')),
  attempt               int NOT NULL,
  handle                text,
  input                 jsonb,                         -- null: the outputs of its predecessors, see the engine's inputOf
  input_from            text[],                        -- what an any or kOf join ran with
  output                jsonb,
  error                 jsonb,
  wait_until            timestamptz,
  started_at            timestamptz,
  completed_at          timestamptz,
  created_at            timestamptz NOT NULL DEFAULT now(),
  updated_at            timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, workflow_execution_id, node_id, iteration)
) PARTITION BY HASH (tenant_id);
${hashPartitions('node_executions')}

CREATE TABLE tasks (                                   -- the authoritative queue; done = deleted
  id               bigint GENERATED ALWAYS AS IDENTITY (CACHE 32) PRIMARY KEY,
  tenant_id        uuid NOT NULL,
  kind             text NOT NULL CHECK (kind IN ('start', 'step', 'effect', 'resume')),
  webhook_event_id uuid,
  execution_id     uuid,
  node_id          text,
  attempt          int NOT NULL DEFAULT 1,
  status           text NOT NULL DEFAULT 'ready' CHECK (status IN ('ready', 'leased', 'dead')),
  run_after        timestamptz NOT NULL DEFAULT now(),
  epoch            int NOT NULL DEFAULT 0,
  lease_owner      uuid,
  lease_until      timestamptz,
  crashes          int NOT NULL DEFAULT 0,
  gen              int NOT NULL DEFAULT 1,
  ticketed_at      timestamptz,                        -- null: no ticket is out
  last_error       jsonb,
  created_at       timestamptz NOT NULL DEFAULT now(),
  CHECK ((kind = 'start') = (webhook_event_id IS NOT NULL)),
  CHECK ((kind = 'start') = (execution_id IS NULL))
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX tasks_unticketed ON tasks (run_after) WHERE status = 'ready' AND ticketed_at IS NULL;
CREATE INDEX tasks_ticketed ON tasks (ticketed_at) WHERE status = 'ready' AND ticketed_at IS NOT NULL;
CREATE INDEX tasks_leased ON tasks (lease_until) WHERE status = 'leased';
CREATE INDEX tasks_of_execution ON tasks (execution_id) WHERE execution_id IS NOT NULL;

CREATE TABLE timers (
  tenant_id    uuid NOT NULL,
  execution_id uuid NOT NULL,
  node_id      text NOT NULL,
  due_at       timestamptz NOT NULL,
  UNIQUE (tenant_id, execution_id, node_id)
);
CREATE INDEX timers_due ON timers (due_at);

CREATE TABLE effects (                                 -- the ledger of outgoing calls
  tenant_id    uuid NOT NULL,
  execution_id uuid NOT NULL,
  node_id      text NOT NULL,
  ordinal      int NOT NULL DEFAULT 0,
  state        text NOT NULL CHECK (state IN ('intent', 'succeeded', 'failed', 'in_doubt')),
  effect_key   text NOT NULL,
  generation   int NOT NULL DEFAULT 1,
  request_hash bytea NOT NULL,
  task_epoch   int NOT NULL,
  attempts     int NOT NULL DEFAULT 1,
  response     jsonb,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, execution_id, node_id, ordinal)
);

CREATE TABLE workers (
  id         uuid PRIMARY KEY,
  started_at timestamptz NOT NULL DEFAULT now(),
  beat_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE blobs (
  tenant_id  uuid NOT NULL,
  sha256     bytea NOT NULL,
  bytes      bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, sha256)
);

-- The log ------------------------------------------------------------------------------------------------------------
CREATE TABLE event_commits (
  id       bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
  events   int NOT NULL CHECK (events > 0),
  position bigint UNIQUE
);
CREATE INDEX event_commits_unsequenced ON event_commits (id) WHERE position IS NULL;

CREATE TABLE event_head (one boolean PRIMARY KEY DEFAULT true CHECK (one), last bigint NOT NULL);
INSERT INTO event_head (last) VALUES (0);

CREATE TABLE domain_events (
  commit_id         bigint NOT NULL,
  ord               int NOT NULL,
  id                uuid NOT NULL,
  tenant_id         uuid NOT NULL,
  type              text NOT NULL,
  aggregate_id      uuid NOT NULL,
  aggregate_version bigint NOT NULL,
  schema_version    int NOT NULL DEFAULT 1,
  payload           jsonb NOT NULL,
  correlation_id    text NOT NULL,
  causation_id      text,
  timestamp         timestamptz NOT NULL,
  created_at        timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (commit_id, ord)
) PARTITION BY RANGE (commit_id);
CREATE TABLE domain_events_default PARTITION OF domain_events DEFAULT;

-- Makes the log's partitions up to the one after the newest commit's; returns how many rows fell into the default one.
CREATE FUNCTION ensure_event_partitions() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  width  constant bigint := 500000;
  newest bigint := coalesce((SELECT max(id) FROM event_commits), 0);
  first  bigint;
BEGIN
  FOR n IN newest / width .. newest / width + 1 LOOP
    first := n * width;
    IF to_regclass('public.domain_events_r' || n) IS NULL THEN
      PERFORM pg_advisory_xact_lock(hashtext('sluice.event_partitions'));
      IF to_regclass('public.domain_events_r' || n) IS NULL THEN
        EXECUTE format('CREATE TABLE public.domain_events_r%s PARTITION OF public.domain_events FOR VALUES FROM (%s) TO (%s)', n, first, first + width);
      END IF;
    END IF;
  END LOOP;
  RETURN (SELECT count(*) FROM (SELECT 1 FROM domain_events_default LIMIT 1000) stray);
END $$;

-- Gives positions to whole commits once they are visible. VOLATILE: each statement takes its own snapshot.
CREATE FUNCTION sequence_commits() RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  head bigint;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM event_commits WHERE position IS NULL) THEN RETURN; END IF;
  SELECT last INTO head FROM event_head FOR UPDATE;
  WITH todo AS (
    SELECT id, sum(events) OVER (ORDER BY id) AS upto
    FROM (SELECT id, events FROM event_commits WHERE position IS NULL ORDER BY id LIMIT 500) c
  ), done AS (
    UPDATE event_commits c SET position = head + todo.upto FROM todo WHERE c.id = todo.id RETURNING c.position
  )
  UPDATE event_head SET last = (SELECT max(position) FROM done) WHERE EXISTS (SELECT 1 FROM done);
END $$;

-- Who owns this key? Asked before the tenant is known, so it looks across tenants, by the hash alone.
CREATE FUNCTION authenticate_api_key(key_hash bytea)
RETURNS TABLE (tenant_id uuid, id uuid, name text, role text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT k.tenant_id, k.id, k.name, k.role FROM api_keys k
  WHERE k.hash = key_hash AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
  LIMIT 1
$$;

-- Row-level security -------------------------------------------------------------------------------------------------
${tenantTables
  .map(
    (table) => `
ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
CREATE POLICY service ON ${table} TO sluice_service USING (true) WITH CHECK (true);
CREATE POLICY tenant ON ${table} TO sluice_api
  USING (${table === 'tenants' ? 'id' : 'tenant_id'} = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
  WITH CHECK (${table === 'tenants' ? 'id' : 'tenant_id'} = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));`,
  )
  .join('\n')}
ALTER TABLE webhook_deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_deliveries FORCE ROW LEVEL SECURITY;
CREATE POLICY service ON webhook_deliveries TO sluice_service USING (true) WITH CHECK (true);
CREATE POLICY log ON domain_events FOR SELECT TO sluice_projector USING (true);
CREATE POLICY owner_lookup ON api_keys FOR SELECT TO sluice_owner USING (true);
CREATE POLICY owner_count ON domain_events FOR SELECT TO sluice_owner USING (true);

-- Grants: on parents only ----------------------------------------------------------------------------------------------
GRANT SELECT ON tenants, workflows, workflow_versions, channels, credentials, webhooks TO sluice_service;
GRANT SELECT, INSERT ON webhook_deliveries TO sluice_service;
GRANT SELECT, INSERT, UPDATE ON webhook_events, workflow_executions, node_executions, effects TO sluice_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON tasks, timers, workers TO sluice_service;
GRANT SELECT, INSERT ON blobs, event_commits, domain_events TO sluice_service;
GRANT SELECT ON event_head TO sluice_service, sluice_api, sluice_projector;

GRANT SELECT, INSERT, UPDATE ON tenants, api_keys, workflows, channels, webhooks TO sluice_api;
GRANT SELECT, INSERT ON workflow_versions, domain_events, event_commits, tasks TO sluice_api;
GRANT SELECT, INSERT, DELETE ON credentials TO sluice_api;
GRANT SELECT, INSERT, UPDATE ON workflow_executions, node_executions TO sluice_api;

GRANT SELECT ON event_commits, domain_events TO sluice_projector;
REVOKE EXECUTE ON FUNCTION sequence_commits(), ensure_event_partitions(), authenticate_api_key(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sequence_commits() TO sluice_service, sluice_api, sluice_projector;
GRANT EXECUTE ON FUNCTION ensure_event_partitions() TO sluice_service;
GRANT EXECUTE ON FUNCTION authenticate_api_key(bytea) TO sluice_api;

SELECT ensure_event_partitions();
RESET ROLE;
`;

const down = `
DROP FUNCTION authenticate_api_key(bytea), sequence_commits(), ensure_event_partitions();
DROP TABLE ${[...tenantTables, 'webhook_deliveries', 'workers', 'event_commits', 'event_head'].join(', ')};
`;

/** The command store: state, tasks, effects and the log (docs/architecture.md), with roles and row-level security. */
export class Foundation1764000000001 implements MigrationInterface {
  readonly name = 'Foundation1764000000001';

  async up(runner: QueryRunner): Promise<void> {
    await ensureRoles(runner);
    await runner.query('GRANT SELECT ON sluice_command_migrations TO sluice_service, sluice_api, sluice_projector');
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(down);
  }
}
