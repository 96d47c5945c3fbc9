-- Accepted events, for frontends of a project's own. Run after, or without, channels.sql; safe to run again.

CREATE TABLE IF NOT EXISTS public.webhooks (
  id             uuid PRIMARY KEY,                     -- of the event
  tenant_id      uuid NOT NULL,
  channel_id     uuid NOT NULL,
  provider       text NOT NULL,
  kind           text NOT NULL,
  action         text NOT NULL,
  customer_id    text,
  direction      text NOT NULL,
  item           jsonb NOT NULL,                       -- the canonical event, as workflows see it
  correlation_id text NOT NULL,
  occurred_at    timestamptz NOT NULL,
  received_at    timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS webhooks_by_tenant ON public.webhooks (tenant_id, received_at DESC);

ALTER TABLE public.webhooks ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.webhooks FORCE ROW LEVEL SECURITY;

REVOKE ALL ON public.webhooks FROM PUBLIC, anon, authenticated;
GRANT SELECT ON public.webhooks TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.webhooks TO service_role;

DROP POLICY IF EXISTS tenant ON public.webhooks;
CREATE POLICY tenant ON public.webhooks FOR SELECT TO authenticated
  USING (tenant_id = (SELECT nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_metadata' ->> 'tenant_id', '')::uuid));
DROP POLICY IF EXISTS service ON public.webhooks;
CREATE POLICY service ON public.webhooks TO service_role USING (true) WITH CHECK (true);
