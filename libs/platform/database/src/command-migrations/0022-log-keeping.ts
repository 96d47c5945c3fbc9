import type { MigrationInterface, QueryRunner } from 'typeorm';
import { up as foundation } from './0001-foundation.js';
import { up as admission } from './0010-admission.js';

const up = `
SET LOCAL ROLE sluice_owner;

-- Makes the log's partitions up to the one after the newest commit's; returns how many rows fell into the default one. A partition whose
-- rows lie there cannot be made any more: trying to would only lock the log.
CREATE OR REPLACE FUNCTION ensure_event_partitions() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  width  constant bigint := 500000;
  newest bigint := coalesce((SELECT max(id) FROM event_commits), 0);
  first  bigint;
BEGIN
  FOR n IN newest / width .. newest / width + 1 LOOP
    first := n * width;
    CONTINUE WHEN to_regclass('public.domain_events_r' || n) IS NOT NULL
      OR EXISTS (SELECT FROM domain_events_default WHERE commit_id >= first AND commit_id < first + width);
    BEGIN
      PERFORM pg_advisory_xact_lock(hashtext('sluice.event_partitions'));
      IF to_regclass('public.domain_events_r' || n) IS NULL THEN
        EXECUTE format('CREATE TABLE public.domain_events_r%s PARTITION OF public.domain_events FOR VALUES FROM (%s) TO (%s)', n, first, first + width);
      END IF;
    EXCEPTION WHEN check_violation THEN NULL;          -- its first row came meanwhile
    END;
  END LOOP;
  RETURN (SELECT count(*) FROM (SELECT 1 FROM domain_events_default LIMIT 1000) stray);
END $$;

-- As the function of the same name without the last two arguments, which stays for gateways of the release before. ticketed: which start
-- task, if there is one, gets its ticket at once; queue: its class.
CREATE OR REPLACE FUNCTION ingest_deliveries(
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

  -- Sorted by key: two gateways with the same deliveries in opposite order wait for each other, and do not deadlock (F-06). Of one key the
  -- first that came is kept: the log has them in that order, and only a later one may raise it.
  WITH kept AS (
    INSERT INTO webhook_events (tenant_id, id, delivery_id, channel_id, kind, action, dedupe_key, customer_id, item, status, ignored_because,
                                correlation_id, occurred_at, received_at)
    SELECT e.tenant_id, e.id, e.delivery_id, e.channel_id, e.kind, e.action, e.dedupe_key, e.customer_id, e.item,
           CASE WHEN e.ignored IS NOT NULL THEN 'ignored' WHEN e.channel_id = ANY (holding) THEN 'held' ELSE 'received' END, e.ignored,
           e.correlation_id, e.occurred_at, e.received_at
    FROM unnest(e_id, e_tenant, e_delivery, e_channel, e_kind, e_action, e_dedupe, e_customer, e_item, e_ignored, e_correlation, e_occurred, e_received)
      WITH ORDINALITY
      AS e(id, tenant_id, delivery_id, channel_id, kind, action, dedupe_key, customer_id, item, ignored, correlation_id, occurred_at, received_at, ord)
    ORDER BY e.tenant_id, e.channel_id, e.dedupe_key, e.ord
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

RESET ROLE;
`;

const before = (migration: string, from: string, to: string) =>
  migration.slice(migration.indexOf(from), migration.indexOf(to)).replace(/^CREATE FUNCTION/m, 'CREATE OR REPLACE FUNCTION');

const down = `
SET LOCAL ROLE sluice_owner;
${before(foundation, '-- Makes the log', '-- Gives positions')}
${before(admission, '-- As the function of the same name', '-- The planner takes')}
RESET ROLE;
`;

/** A partition of the log that cannot be made holds up no other; of an event that comes twice in one group, what came first is kept. */
export class LogKeeping1764000000022 implements MigrationInterface {
  readonly name = 'LogKeeping1764000000022';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(down);
  }
}
