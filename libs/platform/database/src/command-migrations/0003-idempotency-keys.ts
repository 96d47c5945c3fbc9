import type { MigrationInterface, QueryRunner } from 'typeorm';

const tenant = `tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)`;

const up = `
SET LOCAL ROLE sluice_owner;

CREATE TABLE idempotency_keys (                        -- a command that was carried out, for its retries; swept after a day
  tenant_id    uuid NOT NULL,                          -- the caller's; the nil UUID: a platform key for no tenant in particular
  key_hash     bytea NOT NULL,                         -- SHA-256 of the key
  request_hash bytea NOT NULL,                         -- HMAC of the request under the key, which is kept nowhere: bodies hold secrets
  answer       json NOT NULL,                          -- {result}; not jsonb: a retry is answered with the same bytes
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, key_hash)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY service ON idempotency_keys TO sluice_service USING (true) WITH CHECK (true);
CREATE POLICY tenant ON idempotency_keys TO sluice_api USING (${tenant}) WITH CHECK (${tenant});
GRANT SELECT, INSERT ON idempotency_keys TO sluice_api;
GRANT SELECT, DELETE ON idempotency_keys TO sluice_service;
RESET ROLE;
`;

/** Answers of commands by their `Idempotency-Key`. */
export class IdempotencyKeys1764000000003 implements MigrationInterface {
  readonly name = 'IdempotencyKeys1764000000003';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE idempotency_keys');
  }
}
