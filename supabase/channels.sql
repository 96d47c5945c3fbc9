-- Channels' sealed credentials. Run in the SQL editor or with psql, as the owner of the schema; safe to run again.
-- Sluice writes and reads by its service key. What is sealed here opens with ENCRYPTION_KEYS alone, which Supabase never sees.

CREATE TABLE IF NOT EXISTS public.channels (
  id                  uuid PRIMARY KEY,
  tenant_id           uuid NOT NULL,
  provider            text NOT NULL,
  name                text NOT NULL,
  external_account_id text,
  envelopes           jsonb NOT NULL,                  -- by version: {"3": {"key_id": "k1", "sealed": "<base64>"}}; AES-256-GCM, AAD = tenant, channel, version
  key_ids             text[] NOT NULL,                 -- of all envelopes
  revision            bigint NOT NULL,                 -- a write names the one that it has read
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS channels_by_tenant ON public.channels (tenant_id);
CREATE INDEX IF NOT EXISTS channels_by_key ON public.channels USING gin (key_ids);

ALTER TABLE public.channels ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.channels FORCE ROW LEVEL SECURITY;

-- Supabase grants every new table to everybody; row-level security knows no columns.
REVOKE ALL ON public.channels FROM PUBLIC, anon, authenticated;
GRANT SELECT (id, tenant_id, provider, name, external_account_id, created_at, updated_at) ON public.channels TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.channels TO service_role;

DROP POLICY IF EXISTS tenant ON public.channels;
CREATE POLICY tenant ON public.channels FOR SELECT TO authenticated
  USING (tenant_id = (SELECT nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_metadata' ->> 'tenant_id', '')::uuid));
DROP POLICY IF EXISTS service ON public.channels;
CREATE POLICY service ON public.channels TO service_role USING (true) WITH CHECK (true);
