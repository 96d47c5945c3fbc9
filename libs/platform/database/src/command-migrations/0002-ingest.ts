import type { MigrationInterface, QueryRunner } from 'typeorm';

export const up = `
SET LOCAL ROLE sluice_owner;

-- Many HTTP calls in one transaction: deliveries, their events (de-duplicated), tasks, log. One call, one round trip.
-- Answers, for each event that is new or raised, its task (null: it triggers nothing) and the commit.
CREATE FUNCTION ingest_deliveries(
  d_id uuid[], d_tenant uuid[], d_channel uuid[], d_body bytea[], d_headers jsonb[], d_received timestamptz[],
  e_id uuid[], e_tenant uuid[], e_delivery uuid[], e_channel uuid[], e_kind text[], e_action text[], e_dedupe text[], e_customer text[],
  e_item jsonb[], e_ignored text[], e_payload jsonb[], e_correlation text[], e_occurred timestamptz[], e_received timestamptz[], e_log_id uuid[]
) RETURNS TABLE (event_id uuid, task_id bigint, commit_id bigint) LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
  fresh  uuid[];
  raised jsonb := '{}';                                -- id of the event as it came -> {id, version} of the row that it raises
  the_commit bigint;
  total  int;
BEGIN
  INSERT INTO webhook_deliveries (id, tenant_id, channel_or_app_id, body, headers, received_at)
  SELECT * FROM unnest(d_id, d_tenant, d_channel, d_body, d_headers, d_received);

  -- Sorted by key: two gateways with the same deliveries in opposite order wait for each other, and do not deadlock (F-06).
  WITH kept AS (
    INSERT INTO webhook_events (tenant_id, id, delivery_id, channel_id, kind, action, dedupe_key, customer_id, item, status, ignored_because,
                                correlation_id, occurred_at, received_at)
    SELECT e.tenant_id, e.id, e.delivery_id, e.channel_id, e.kind, e.action, e.dedupe_key, e.customer_id, e.item,
           CASE WHEN e.ignored IS NULL THEN 'received' ELSE 'ignored' END, e.ignored, e.correlation_id, e.occurred_at, e.received_at
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
      SET status = 'received', ignored_because = NULL, stream_version = w.stream_version + 1,
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
    SELECT e.came_as, coalesce((raised -> e.came_as::text ->> 'id')::uuid, e.came_as) AS id, e.tenant_id, e.ignored, e.ord
    FROM unnest(e_id, e_tenant, e_ignored) WITH ORDINALITY AS e(came_as, tenant_id, ignored, ord)
    WHERE e.came_as = ANY (fresh) OR raised ? e.came_as::text
  ), queued AS (
    INSERT INTO tasks (tenant_id, kind, webhook_event_id, ticketed_at)
    SELECT tenant_id, 'start', id, now() FROM changed WHERE ignored IS NULL ORDER BY ord
    RETURNING tasks.id AS task_id, webhook_event_id
  )
  SELECT changed.id, queued.task_id, NULL::bigint FROM changed LEFT JOIN queued ON queued.webhook_event_id = changed.id;

  -- Every lock is held by now: the commit's number may be drawn.
  INSERT INTO event_commits (events) VALUES (total) RETURNING id INTO the_commit;
  INSERT INTO domain_events (commit_id, ord, id, tenant_id, type, aggregate_id, aggregate_version, payload, correlation_id, timestamp)
  SELECT the_commit, row_number() OVER (ORDER BY e.ord) - 1, e.log_id, e.tenant_id,
         CASE WHEN e.ignored IS NULL THEN 'webhook.received' ELSE 'webhook.ignored' END,
         coalesce((raised -> e.id::text ->> 'id')::uuid, e.id),
         coalesce((raised -> e.id::text ->> 'version')::bigint, 1),
         CASE WHEN raised ? e.id::text THEN jsonb_set(e.payload, '{event,id}', raised -> e.id::text -> 'id') ELSE e.payload END,
         e.correlation_id, e.received_at
  FROM unnest(e_id, e_tenant, e_ignored, e_payload, e_correlation, e_received, e_log_id)
    WITH ORDINALITY AS e(id, tenant_id, ignored, payload, correlation_id, received_at, log_id, ord)
  WHERE e.id = ANY (fresh) OR raised ? e.id::text;
  RETURN QUERY SELECT NULL::uuid, NULL::bigint, the_commit;
END $$;

REVOKE EXECUTE ON FUNCTION ingest_deliveries FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ingest_deliveries TO sluice_service;
RESET ROLE;
`;

/** Accepting webhooks in groups. */
export class Ingest1764000000002 implements MigrationInterface {
  readonly name = 'Ingest1764000000002';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP FUNCTION ingest_deliveries');
  }
}
