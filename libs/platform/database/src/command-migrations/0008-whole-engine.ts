import type { MigrationInterface, QueryRunner } from 'typeorm';

const tenant = `tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)`;

const tables = ['waits', 'wait_matches', 'turns', 'node_state', 'webhook_answers', 'worker_requests'];

const up = `
SET LOCAL ROLE sluice_owner;

-- Runs ---------------------------------------------------------------------------------------------------------------
ALTER TABLE workflow_executions
  ADD COLUMN parent_execution_id uuid,                 -- the run that called it, and the node that waits for it
  ADD COLUMN parent_node_id      text,
  ADD COLUMN parent_iteration    text,
  ADD COLUMN depth               int NOT NULL DEFAULT 0, -- of calls
  ADD COLUMN node_runs           int NOT NULL DEFAULT 0,
  ADD COLUMN output_bytes        bigint NOT NULL DEFAULT 0,
  ADD COLUMN concurrency_key     text,                 -- of its turn
  ADD COLUMN reruns              int NOT NULL DEFAULT 0;
CREATE INDEX workflow_executions_called_by ON workflow_executions (tenant_id, parent_execution_id) WHERE parent_execution_id IS NOT NULL;
CREATE INDEX workflow_executions_open_of_workflow ON workflow_executions (tenant_id, workflow_id, id) WHERE status IN ('running', 'waiting', 'paused');

CREATE INDEX workflow_executions_failed ON workflow_executions (tenant_id, id) WHERE status IN ('failed', 'incomplete');

-- A loop's items stand in its \`input\`. An item's own run is the loop's, in the item's iteration ('orders:3').
ALTER TABLE node_executions
  ADD COLUMN loop_count      int,
  ADD COLUMN loop_begun      int,
  ADD COLUMN loop_ended      int,
  ADD COLUMN attempts_before int,
  -- The same key in another order: what is read of a run is one frame of it, not all items of its loops.
  DROP CONSTRAINT node_executions_pkey,
  ADD CONSTRAINT node_executions_pkey PRIMARY KEY (tenant_id, workflow_execution_id, iteration, node_id);

-- Tasks --------------------------------------------------------------------------------------------------------------
CREATE SEQUENCE task_order AS bigint;                  -- tells which of two came first, across connections
ALTER TABLE tasks
  ADD COLUMN iteration text NOT NULL DEFAULT '',
  ADD COLUMN payload   jsonb,
  ADD COLUMN priority  smallint NOT NULL DEFAULT 0,
  ADD COLUMN order_at  bigint NOT NULL DEFAULT nextval('task_order'),
  DROP CONSTRAINT tasks_kind_check,
  DROP CONSTRAINT tasks_check,
  DROP CONSTRAINT tasks_check1,
  ADD CONSTRAINT tasks_kind_check CHECK (kind IN ('start', 'begin', 'step', 'effect', 'resume', 'cancel', 'match', 'request')),
  ADD CONSTRAINT tasks_of_event CHECK ((kind = 'start') = (webhook_event_id IS NOT NULL)),
  ADD CONSTRAINT tasks_of_execution_check CHECK ((kind IN ('start', 'begin', 'request')) = (execution_id IS NULL));
CREATE INDEX tasks_starting ON tasks (tenant_id, order_at) WHERE kind = 'start';

ALTER TABLE timers
  ADD COLUMN iteration text NOT NULL DEFAULT '',       -- node_id '': the deadline of the run
  DROP CONSTRAINT timers_tenant_id_execution_id_node_id_key,
  ADD CONSTRAINT timers_place UNIQUE (tenant_id, execution_id, node_id, iteration);

ALTER TABLE effects
  ADD COLUMN iteration text NOT NULL DEFAULT '',
  DROP CONSTRAINT effects_pkey,
  ADD CONSTRAINT effects_pkey PRIMARY KEY (tenant_id, execution_id, node_id, iteration, ordinal);

-- Waiting ------------------------------------------------------------------------------------------------------------
CREATE TABLE waits (                                   -- consumed by DELETE … RETURNING, which settles every race for it
  tenant_id          uuid NOT NULL,
  execution_id       uuid NOT NULL,
  node_id            text NOT NULL,
  iteration          text NOT NULL,
  workflow_id        uuid NOT NULL,
  kind               text NOT NULL CHECK (kind IN ('event', 'approval', 'execution')),
  channel_id         uuid,                             -- event: of which channel and customer, which kinds (none: any), on which condition
  customer_id        text,
  kinds              text[],
  condition          text,
  scope              jsonb,                            -- what the condition sees besides the event
  exclusive          boolean NOT NULL DEFAULT false,
  child_execution_id uuid,                             -- execution: the run that was called
  title              text,                             -- approval: what whoever has the link is asked
  message            text,
  until              timestamptz,
  created_at         timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, execution_id, node_id, iteration)
);
CREATE INDEX waits_for_event ON waits (tenant_id, channel_id, customer_id) WHERE kind = 'event';
CREATE INDEX waits_due ON waits (until) WHERE until IS NOT NULL;

CREATE TABLE wait_matches (                            -- events that a run has gone on with
  tenant_id    uuid NOT NULL,
  execution_id uuid NOT NULL,
  event_id     uuid NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, execution_id, event_id)
);
CREATE INDEX webhook_events_of_customer ON webhook_events (tenant_id, channel_id, customer_id, id) WHERE customer_id IS NOT NULL;

CREATE TABLE turns (                                   -- runs of a workflow that share a concurrency key, in order
  tenant_id    uuid NOT NULL,
  workflow_id  uuid NOT NULL,
  key          text NOT NULL,
  execution_id uuid NOT NULL,
  seq          bigint GENERATED ALWAYS AS IDENTITY (CACHE 1),
  slots        int NOT NULL,                           -- how many may hold the key at a time
  state        text NOT NULL CHECK (state IN ('holding', 'queued')),
  PRIMARY KEY (tenant_id, execution_id)
);
CREATE INDEX turns_of_key ON turns (tenant_id, workflow_id, key, state, seq);

ALTER TABLE webhooks ADD COLUMN mode text NOT NULL DEFAULT 'async' CHECK (mode IN ('async', 'sync'));

-- State of nodes, answers, requests ------------------------------------------------------------------------------------
CREATE TABLE node_state (
  tenant_id  uuid NOT NULL,
  scope      text NOT NULL CHECK (scope IN ('tenant', 'workflow', 'customer')),
  scope_id   text NOT NULL,
  key        text NOT NULL,
  value      jsonb NOT NULL,
  version    bigint NOT NULL,
  expires_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, scope, scope_id, key)
);
CREATE INDEX node_state_expired ON node_state (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE webhook_answers (                         -- what workflows answer to webhooks that are registered as sync; the first counts
  tenant_id        uuid NOT NULL,
  webhook_event_id uuid NOT NULL,
  status           int NOT NULL,
  headers          jsonb NOT NULL,
  body             text NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, webhook_event_id)
);
CREATE INDEX webhook_answers_by_age ON webhook_answers (created_at);

CREATE TABLE worker_requests (                         -- what the command API asks a worker to do: test a node, backtest a draft
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('test', 'backtest')),
  workflow_id uuid NOT NULL,
  request     jsonb NOT NULL,
  result      jsonb,                                   -- null: not yet
  progress    jsonb,
  created_by  text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX worker_requests_by_age ON worker_requests (created_at);

${tables
  .map(
    (table) => `
ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
CREATE POLICY service ON ${table} TO sluice_service USING (true) WITH CHECK (true);
CREATE POLICY tenant ON ${table} TO sluice_api USING (${tenant}) WITH CHECK (${tenant});`,
  )
  .join('\n')}
CREATE POLICY log ON blobs FOR SELECT TO sluice_projector USING (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON waits, turns, node_state, worker_requests TO sluice_service;
GRANT SELECT, INSERT, DELETE ON wait_matches, webhook_answers TO sluice_service;
GRANT USAGE ON SEQUENCE task_order TO sluice_service, sluice_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON waits, turns TO sluice_api;
GRANT SELECT, INSERT ON wait_matches, worker_requests TO sluice_api;
GRANT SELECT, INSERT, UPDATE ON effects TO sluice_api;
GRANT INSERT, UPDATE ON timers TO sluice_api;
GRANT SELECT, INSERT ON blobs TO sluice_api;
GRANT SELECT ON blobs TO sluice_projector;

RESET ROLE;
`;

/** Refused while there are tasks, timers or effects of what only this version knows: they would have no place to go. */
const down = `
SET LOCAL ROLE sluice_owner;
REVOKE SELECT ON blobs FROM sluice_projector;
REVOKE SELECT, INSERT ON blobs FROM sluice_api;
REVOKE INSERT, UPDATE ON timers FROM sluice_api;
REVOKE SELECT, INSERT, UPDATE ON effects FROM sluice_api;
DROP POLICY log ON blobs;
DROP TABLE ${tables.join(', ')};
DROP INDEX webhook_events_of_customer;
ALTER TABLE webhooks DROP COLUMN mode;
ALTER TABLE effects DROP CONSTRAINT effects_pkey, DROP COLUMN iteration,
  ADD CONSTRAINT effects_pkey PRIMARY KEY (tenant_id, execution_id, node_id, ordinal);
ALTER TABLE timers DROP CONSTRAINT timers_place, DROP COLUMN iteration,
  ADD CONSTRAINT timers_tenant_id_execution_id_node_id_key UNIQUE (tenant_id, execution_id, node_id);
DROP INDEX tasks_starting;
ALTER TABLE tasks DROP CONSTRAINT tasks_kind_check, DROP CONSTRAINT tasks_of_event, DROP CONSTRAINT tasks_of_execution_check,
  DROP COLUMN iteration, DROP COLUMN payload, DROP COLUMN priority, DROP COLUMN order_at,
  ADD CONSTRAINT tasks_kind_check CHECK (kind IN ('start', 'step', 'effect', 'resume')),
  ADD CONSTRAINT tasks_check CHECK ((kind = 'start') = (webhook_event_id IS NOT NULL)),
  ADD CONSTRAINT tasks_check1 CHECK ((kind = 'start') = (execution_id IS NULL));
DROP SEQUENCE task_order;
ALTER TABLE node_executions DROP CONSTRAINT node_executions_pkey,
  ADD CONSTRAINT node_executions_pkey PRIMARY KEY (tenant_id, workflow_execution_id, node_id, iteration),
  DROP COLUMN loop_count, DROP COLUMN loop_begun, DROP COLUMN loop_ended, DROP COLUMN attempts_before;
DROP INDEX workflow_executions_called_by, workflow_executions_open_of_workflow, workflow_executions_failed;
ALTER TABLE workflow_executions DROP COLUMN parent_execution_id, DROP COLUMN parent_node_id, DROP COLUMN parent_iteration, DROP COLUMN depth,
  DROP COLUMN node_runs, DROP COLUMN output_bytes, DROP COLUMN concurrency_key, DROP COLUMN reruns;
RESET ROLE;
`;

/** Loops, waits, calls, turns, state, and what workers are asked to do. */
export class WholeEngine1764000000008 implements MigrationInterface {
  readonly name = 'WholeEngine1764000000008';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(down);
  }
}
