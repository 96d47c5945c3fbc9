import type { MigrationInterface, QueryRunner } from 'typeorm';

const tenant = `tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)`;

const up = `
SET LOCAL ROLE sluice_owner;

CREATE TABLE provider_apps (                           -- one callback URL for the channels of many accounts
  tenant_id      uuid NOT NULL,
  id             uuid NOT NULL,
  provider       text NOT NULL,
  name           text NOT NULL,
  status         text NOT NULL CHECK (status IN ('active', 'deleted')),
  key_id         text,
  sealed         bytea,                                -- AES-256-GCM: nonce ‖ tag ‖ ciphertext; AAD = tenant ‖ 'provider_app' ‖ id
  stream_version bigint NOT NULL DEFAULT 0,
  created_by     text NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  CHECK ((status = 'deleted') = (sealed IS NULL) AND (key_id IS NULL) = (sealed IS NULL))
);
CREATE INDEX provider_apps_by_id ON provider_apps (id); -- a path names an app, not a tenant
CREATE INDEX channels_by_account ON channels (tenant_id, provider, external_account_id) WHERE status <> 'deleted';

ALTER TABLE provider_apps ENABLE ROW LEVEL SECURITY;
ALTER TABLE provider_apps FORCE ROW LEVEL SECURITY;
CREATE POLICY service ON provider_apps TO sluice_service USING (true) WITH CHECK (true);
CREATE POLICY tenant ON provider_apps TO sluice_api USING (${tenant}) WITH CHECK (${tenant});
GRANT SELECT, INSERT, UPDATE ON provider_apps TO sluice_api;
GRANT SELECT ON provider_apps TO sluice_service;
RESET ROLE;
`;

/** Provider apps, and the way from an account to its channel. */
export class ProviderApps1764000000007 implements MigrationInterface {
  readonly name = 'ProviderApps1764000000007';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('SET LOCAL ROLE sluice_owner; DROP INDEX channels_by_account; DROP TABLE provider_apps; RESET ROLE');
  }
}
