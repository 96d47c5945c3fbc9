import type { MigrationInterface, QueryRunner } from 'typeorm';
import { up as heldChannels } from './0005-held-channels.js';

const ingest = `ingest_deliveries(uuid[], uuid[], uuid[], bytea[], jsonb[], timestamptz[], uuid[], uuid[], uuid[], uuid[], text[], text[], text[],
  text[], jsonb[], text[], jsonb[], text[], timestamptz[], timestamptz[], uuid[], boolean[], text[])`;

export const up = `
SET LOCAL ROLE sluice_owner;

-- A task has its ticket out (ready or leased), or it waits for one. What is out is bounded by the windows, so it may be counted.
ALTER TABLE tasks ADD COLUMN queue text NOT NULL DEFAULT 'default' CHECK (queue IN ('critical', 'default', 'bulk'));
DROP INDEX tasks_ticketed, tasks_unticketed;
CREATE INDEX tasks_outstanding ON tasks (tenant_id) WHERE ticketed_at IS NOT NULL;
CREATE INDEX tasks_waiting ON tasks (tenant_id, queue, priority, kind, run_after, order_at) WHERE status = 'ready' AND ticketed_at IS NULL;
-- Tells whether any is due. \`id > 0\` is true of all: a query that does not say it cannot be planned over this index instead of that by tenant.
CREATE INDEX tasks_due ON tasks (run_after) WHERE status = 'ready' AND ticketed_at IS NULL AND id > 0;

-- For tenants that may have so many runs under way. Most runs end in the commit that begins them, and never come here.
CREATE INDEX workflow_executions_running ON workflow_executions (tenant_id) WHERE status = 'running';

-- A line: the events of one customer of one channel, which begin one after the other where runs take turns. Two customers whose hashes are
-- equal share one, and wait for each other without need. Below 2^53, as every number of ours.
CREATE FUNCTION line_of(channel uuid, customer text) RETURNS bigint LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT hashtextextended(channel || '/' || coalesce(customer, ''), 0) & 9007199254740991
$$;
ALTER TABLE tasks ADD COLUMN order_key bigint;         -- start: its line
UPDATE tasks t SET order_key = line_of(w.channel_id, w.customer_id)
FROM webhook_events w WHERE t.kind = 'start' AND w.tenant_id = t.tenant_id AND w.id = t.webhook_event_id;
DROP INDEX tasks_starting;
CREATE INDEX tasks_in_line ON tasks (tenant_id, order_key, order_at) WHERE kind = 'start';

-- As the function of the same name without the last two arguments, which stays for gateways of the release before. ticketed: which start
-- task, if there is one, gets its ticket at once; queue: its class.
CREATE FUNCTION ingest_deliveries(
  d_id uuid[], d_tenant uuid[], d_channel uuid[], d_body bytea[], d_headers jsonb[], d_received timestamptz[],
  e_id uuid[], e_tenant uuid[], e_delivery uuid[], e_channel uuid[], e_kind text[], e_action text[], e_dedupe text[], e_customer text[],
  e_item jsonb[], e_ignored text[], e_payload jsonb[], e_correlation text[], e_occurred timestamptz[], e_received timestamptz[], e_log_id uuid[],
  e_ticketed boolean[], e_queue text[]
) RETURNS TABLE (event_id uuid, task_id bigint, ticketed boolean, commit_id bigint) LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
  fresh  uuid[];
  raised jsonb := '{}';                                -- id of the event as it came -> {id, version} of the row that it raises
  holding uuid[];                                      -- channels whose events start nothing now
  the_commit bigint;
  total  int;
BEGIN
  -- What the channels say is decided here, not by the gateway's copy of them: whoever holds or releases one waits until this commit is
  -- over, and the next statement sees what they did.
  PERFORM pg_advisory_xact_lock_shared(channel_arrivals(c.tenant_id, c.channel_id))
  FROM (SELECT DISTINCT tenant_id, channel_id FROM unnest(e_tenant, e_channel) AS c(tenant_id, channel_id) ORDER BY 1, 2) c;
  SELECT coalesce(array_agg(c.id), '{}') INTO holding FROM channels c WHERE c.id = ANY (e_channel) AND c.status IN ('held', 'releasing');

  INSERT INTO webhook_deliveries (id, tenant_id, channel_or_app_id, body, headers, received_at)
  SELECT * FROM unnest(d_id, d_tenant, d_channel, d_body, d_headers, d_received);

  -- Sorted by key: two gateways with the same deliveries in opposite order wait for each other, and do not deadlock (F-06).
  WITH kept AS (
    INSERT INTO webhook_events (tenant_id, id, delivery_id, channel_id, kind, action, dedupe_key, customer_id, item, status, ignored_because,
                                correlation_id, occurred_at, received_at)
    SELECT e.tenant_id, e.id, e.delivery_id, e.channel_id, e.kind, e.action, e.dedupe_key, e.customer_id, e.item,
           CASE WHEN e.ignored IS NOT NULL THEN 'ignored' WHEN e.channel_id = ANY (holding) THEN 'held' ELSE 'received' END, e.ignored,
           e.correlation_id, e.occurred_at, e.received_at
    FROM unnest(e_id, e_tenant, e_delivery, e_channel, e_kind, e_action, e_dedupe, e_customer, e_item, e_ignored, e_correlation, e_occurred, e_received)
      AS e(id, tenant_id, delivery_id, channel_id, kind, action, dedupe_key, customer_id, item, ignored, correlation_id, occurred_at, received_at)
    ORDER BY e.tenant_id, e.channel_id, e.dedupe_key
    ON CONFLICT (tenant_id, channel_id, dedupe_key) DO NOTHING
    RETURNING id
  )
  SELECT coalesce(array_agg(id), '{}') INTO fresh FROM kept;

  -- What was ignored only because it came to the wrong path is raised when it comes to the right one.
  IF cardinality(fresh) < cardinality(e_id) THEN
    WITH late AS (
      SELECT DISTINCT ON (w.tenant_id, w.channel_id, w.dedupe_key) e.id AS came_as, w.tenant_id, w.id, e.item
      FROM unnest(e_id, e_tenant, e_channel, e_dedupe, e_item, e_ignored) AS e(id, tenant_id, channel_id, dedupe_key, item, ignored)
      JOIN webhook_events w USING (tenant_id, channel_id, dedupe_key)
      WHERE e.ignored IS NULL AND NOT e.id = ANY (fresh)
    ), locked AS (
      SELECT w.tenant_id, w.id FROM webhook_events w JOIN late USING (tenant_id, id)
      WHERE w.status = 'ignored' AND w.ignored_because = 'other_path'
      ORDER BY w.tenant_id, w.id FOR UPDATE OF w
    ), lifted AS (
      UPDATE webhook_events w
      SET status = CASE WHEN w.channel_id = ANY (holding) THEN 'held' ELSE 'received' END, ignored_because = NULL, stream_version = w.stream_version + 1,
          item = jsonb_set(late.item, '{id}', to_jsonb(w.id))
      FROM locked JOIN late USING (tenant_id, id)
      WHERE w.tenant_id = locked.tenant_id AND w.id = locked.id AND w.status = 'ignored'
      RETURNING late.came_as, w.id, w.stream_version
    )
    SELECT coalesce(jsonb_object_agg(came_as, jsonb_build_object('id', id, 'version', stream_version)), '{}') INTO raised FROM lifted;
  END IF;

  total := cardinality(fresh) + (SELECT count(*) FROM jsonb_object_keys(raised));
  IF total = 0 THEN RETURN; END IF;

  RETURN QUERY
  WITH changed AS (
    SELECT e.came_as, coalesce((raised -> e.came_as::text ->> 'id')::uuid, e.came_as) AS id, e.tenant_id,
           e.ignored IS NULL AND NOT e.channel_id = ANY (holding) AS starts, line_of(e.channel_id, e.customer_id) AS order_key, e.ticketed,
           e.queue, e.ord
    FROM unnest(e_id, e_tenant, e_channel, e_customer, e_ignored, e_ticketed, e_queue)
      WITH ORDINALITY AS e(came_as, tenant_id, channel_id, customer_id, ignored, ticketed, queue, ord)
    WHERE e.came_as = ANY (fresh) OR raised ? e.came_as::text
  ), queued AS (
    INSERT INTO tasks (tenant_id, kind, webhook_event_id, order_key, queue, ticketed_at)
    SELECT tenant_id, 'start', id, order_key, queue, CASE WHEN ticketed THEN now() END FROM changed WHERE starts ORDER BY ord
    RETURNING tasks.id AS task_id, webhook_event_id
  )
  SELECT changed.id, queued.task_id, changed.ticketed, NULL::bigint FROM changed LEFT JOIN queued ON queued.webhook_event_id = changed.id;

  -- Every lock is held by now: the commit's number may be drawn.
  INSERT INTO event_commits (events) VALUES (total) RETURNING id INTO the_commit;
  IF cardinality(holding) > 0 THEN
    UPDATE webhook_events w SET held_commit = the_commit
    FROM (SELECT e.tenant_id, coalesce((raised -> e.id::text ->> 'id')::uuid, e.id) AS id FROM unnest(e_id, e_tenant) AS e(id, tenant_id)
          WHERE e.id = ANY (fresh) OR raised ? e.id::text) e
    WHERE w.tenant_id = e.tenant_id AND w.id = e.id AND w.status = 'held';
  END IF;
  INSERT INTO domain_events (commit_id, ord, id, tenant_id, type, aggregate_id, aggregate_version, payload, correlation_id, timestamp)
  SELECT the_commit, row_number() OVER (ORDER BY e.ord) - 1, e.log_id, e.tenant_id,
         CASE WHEN e.ignored IS NOT NULL THEN 'webhook.ignored' WHEN e.channel_id = ANY (holding) THEN 'webhook.held' ELSE 'webhook.received' END,
         coalesce((raised -> e.id::text ->> 'id')::uuid, e.id),
         coalesce((raised -> e.id::text ->> 'version')::bigint, 1),
         CASE WHEN raised ? e.id::text THEN jsonb_set(e.payload, '{event,id}', raised -> e.id::text -> 'id') ELSE e.payload END,
         e.correlation_id, e.received_at
  FROM unnest(e_id, e_tenant, e_channel, e_ignored, e_payload, e_correlation, e_received, e_log_id)
    WITH ORDINALITY AS e(id, tenant_id, channel_id, ignored, payload, correlation_id, received_at, log_id, ord)
  WHERE e.id = ANY (fresh) OR raised ? e.id::text;
  RETURN QUERY SELECT NULL::uuid, NULL::bigint, NULL::boolean, the_commit;
END $$;

-- The planner takes a table that it has never counted for empty, and then any index on the tenant for as good as the key: a tenant's first
-- thousands of rows were looked up by reading all of them, each time. Counts tables that have grown to twice what was counted; autovacuum
-- comes a minute late, and does the rest. Answers how many there were.
CREATE FUNCTION count_young_tables() RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  young   regclass;
  counted int := 0;
BEGIN
  FOR young IN
    SELECT c.oid FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.reltuples < 20000
      AND c.relname ~ '^((webhook_events|workflow_executions|node_executions)_p[0-9]+|tasks|effects)$'
      AND pg_stat_get_live_tuples(c.oid) > 200 + 2 * greatest(c.reltuples, 0)
  LOOP
    -- One at a time: another worker that is at it does this one as well.
    EXIT WHEN NOT pg_try_advisory_xact_lock(hashtextextended('sluice.count_young_tables', 0));
    EXECUTE format('ANALYZE %s (tenant_id)', young);
    counted := counted + 1;
  END LOOP;
  RETURN counted;
END $$;

CREATE OR REPLACE FUNCTION ingest_deliveries(
  d_id uuid[], d_tenant uuid[], d_channel uuid[], d_body bytea[], d_headers jsonb[], d_received timestamptz[],
  e_id uuid[], e_tenant uuid[], e_delivery uuid[], e_channel uuid[], e_kind text[], e_action text[], e_dedupe text[], e_customer text[],
  e_item jsonb[], e_ignored text[], e_payload jsonb[], e_correlation text[], e_occurred timestamptz[], e_received timestamptz[], e_log_id uuid[]
) RETURNS TABLE (event_id uuid, task_id bigint, commit_id bigint) LANGUAGE sql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT i.event_id, i.task_id, i.commit_id FROM ingest_deliveries(
    d_id, d_tenant, d_channel, d_body, d_headers, d_received, e_id, e_tenant, e_delivery, e_channel, e_kind, e_action, e_dedupe, e_customer, e_item,
    e_ignored, e_payload, e_correlation, e_occurred, e_received, e_log_id, array_fill(true, ARRAY[cardinality(e_id)]),
    array_fill('default'::text, ARRAY[cardinality(e_id)])) i
$$;

-- Begins the oldest held events of a channel that is being released, one for each of the given ids of log entries. Answers their tasks in
-- order; drained: there were no more of them, and the channel is connected again.
CREATE OR REPLACE FUNCTION begin_held_events(the_tenant uuid, the_channel uuid, log_ids uuid[])
RETURNS TABLE (task_id bigint, drained boolean) LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  ids          uuid[];
  lines        bigint[];
  versions     bigint[];
  correlations text[];
  the_commit   bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(channel_arrivals(the_tenant, the_channel));
  PERFORM FROM channels c WHERE c.tenant_id = the_tenant AND c.id = the_channel AND c.status = 'releasing' FOR UPDATE;
  IF NOT FOUND THEN RETURN; END IF;                    -- held again, or deleted

  WITH oldest AS (
    SELECT w.tenant_id, w.id FROM webhook_events w
    WHERE w.tenant_id = the_tenant AND w.channel_id = the_channel AND w.status = 'held'
    ORDER BY w.held_commit, w.id LIMIT cardinality(log_ids) FOR UPDATE
  ), begun AS (
    UPDATE webhook_events w SET status = 'received', stream_version = w.stream_version + 1
    FROM oldest WHERE w.tenant_id = oldest.tenant_id AND w.id = oldest.id
    RETURNING w.id, w.stream_version, w.correlation_id, w.held_commit, line_of(w.channel_id, w.customer_id) AS line
  )
  SELECT coalesce(array_agg(id ORDER BY held_commit, id), '{}'), array_agg(stream_version ORDER BY held_commit, id),
         array_agg(correlation_id ORDER BY held_commit, id), array_agg(line ORDER BY held_commit, id)
  INTO ids, versions, correlations, lines FROM begun;

  IF cardinality(ids) < cardinality(log_ids) THEN
    UPDATE channels c SET status = 'connected', updated_at = now() WHERE c.tenant_id = the_tenant AND c.id = the_channel;
    RETURN QUERY SELECT NULL::bigint, true;
  END IF;
  IF cardinality(ids) = 0 THEN RETURN; END IF;

  RETURN QUERY
  WITH queued AS (
    INSERT INTO tasks (tenant_id, kind, webhook_event_id, order_key, ticketed_at)
    SELECT the_tenant, 'start', e.id, e.line, now() FROM unnest(ids, lines) WITH ORDINALITY AS e(id, line, ord) ORDER BY e.ord
    RETURNING tasks.id, webhook_event_id
  )
  SELECT queued.id, false FROM queued ORDER BY array_position(ids, queued.webhook_event_id);

  INSERT INTO event_commits (events) VALUES (cardinality(ids)) RETURNING id INTO the_commit;
  INSERT INTO domain_events (commit_id, ord, id, tenant_id, type, aggregate_id, aggregate_version, payload, correlation_id, timestamp)
  SELECT the_commit, e.ord - 1, log_ids[e.ord], the_tenant, 'webhook.released', e.id, e.version, jsonb_build_object('channelId', the_channel),
         e.correlation_id, date_trunc('milliseconds', clock_timestamp())
  FROM unnest(ids, versions, correlations) WITH ORDINALITY AS e(id, version, correlation_id, ord);
END $$;

REVOKE EXECUTE ON FUNCTION ${ingest}, line_of(uuid, text), count_young_tables() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION line_of(uuid, text) TO sluice_service, sluice_api;
GRANT EXECUTE ON FUNCTION ${ingest}, count_young_tables() TO sluice_service;
RESET ROLE;
`;

const heldChannelsFunctions = heldChannels
  .slice(heldChannels.indexOf('-- Many HTTP calls'), heldChannels.indexOf('REVOKE EXECUTE'))
  .replaceAll(/^CREATE FUNCTION/gm, 'CREATE OR REPLACE FUNCTION');

const down = `
SET LOCAL ROLE sluice_owner;
${heldChannelsFunctions}
DROP FUNCTION ${ingest}, line_of(uuid, text), count_young_tables();
DROP INDEX tasks_in_line;
ALTER TABLE tasks DROP COLUMN order_key;
CREATE INDEX tasks_starting ON tasks (tenant_id, order_at) WHERE kind = 'start';
DROP INDEX workflow_executions_running, tasks_due, tasks_waiting, tasks_outstanding;
CREATE INDEX tasks_unticketed ON tasks (run_after) WHERE status = 'ready' AND ticketed_at IS NULL;
CREATE INDEX tasks_ticketed ON tasks (ticketed_at) WHERE status = 'ready' AND ticketed_at IS NOT NULL;
ALTER TABLE tasks DROP COLUMN queue;
RESET ROLE;
`;

/** Tickets within windows: what is out is counted by tenant, what waits is found by tenant and class. Start tasks know their line. */
export class Admission1764000000010 implements MigrationInterface {
  readonly name = 'Admission1764000000010';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(down);
  }
}
