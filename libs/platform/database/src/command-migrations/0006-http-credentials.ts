import type { MigrationInterface, QueryRunner } from 'typeorm';

const tenant = `tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)`;

const up = `
SET LOCAL ROLE sluice_owner;

CREATE TABLE http_credentials (                        -- secrets of http.request
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  name       text NOT NULL,
  type       text NOT NULL CHECK (type IN ('bearer', 'basic', 'header')),
  version    int NOT NULL,
  key_id     text NOT NULL,
  sealed     bytea NOT NULL,                           -- AES-256-GCM of secret and hosts: nonce ‖ tag ‖ ciphertext; AAD = tenant ‖ id ‖ version
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);

ALTER TABLE http_credentials ENABLE ROW LEVEL SECURITY;
ALTER TABLE http_credentials FORCE ROW LEVEL SECURITY;
CREATE POLICY service ON http_credentials TO sluice_service USING (true) WITH CHECK (true);
CREATE POLICY tenant ON http_credentials TO sluice_api USING (${tenant}) WITH CHECK (${tenant});
GRANT SELECT, INSERT, DELETE ON http_credentials TO sluice_api;
GRANT SELECT ON http_credentials TO sluice_service;
RESET ROLE;
`;

/** Secrets that `http.request` sends. */
export class HttpCredentials1764000000006 implements MigrationInterface {
  readonly name = 'HttpCredentials1764000000006';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE http_credentials');
  }
}
