import type { MigrationInterface, QueryRunner } from 'typeorm';

const tenant = `tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)`;

const up = `
SET LOCAL ROLE sluice_owner;

-- What a channel's credentials are good for, and how it is looked after.
ALTER TABLE channels
  ADD COLUMN credentials_version     int NOT NULL DEFAULT 1,
  ADD COLUMN credentials_since       timestamptz NOT NULL DEFAULT now(), -- when the present ones came here
  ADD COLUMN health                  text NOT NULL DEFAULT 'ok' CHECK (health IN ('ok', 'expiring', 'expired', 'disconnected')),
  ADD COLUMN health_reason           jsonb,
  ADD COLUMN warned_days             int,                    -- the last threshold that was told of the present credentials
  ADD COLUMN care_at                 timestamptz DEFAULT now(), -- when it is looked at next; null: nothing will be due
  ADD COLUMN care_until              timestamptz,            -- until then one worker looks after it, and no other
  ADD COLUMN refresh_failures        int NOT NULL DEFAULT 0, -- in a row, of the present credentials
  ADD COLUMN refresh_failed_at       timestamptz,
  ADD COLUMN subscription_checked_at timestamptz;
CREATE INDEX channels_due ON channels (care_at) WHERE care_at IS NOT NULL;

-- Row-level security is forced on the owner too, who is no tenant.
CREATE POLICY migrating ON channels TO sluice_owner USING (true) WITH CHECK (true);
CREATE POLICY migrating ON credentials FOR SELECT TO sluice_owner USING (true);
UPDATE channels c SET credentials_version = k.version, credentials_since = k.created_at
FROM (SELECT DISTINCT ON (tenant_id, channel_id) tenant_id, channel_id, version, created_at FROM credentials
      ORDER BY tenant_id, channel_id, version DESC) k
WHERE k.tenant_id = c.tenant_id AND k.channel_id = c.id;
UPDATE channels SET care_at = NULL WHERE status = 'deleted';
DROP POLICY migrating ON channels;
DROP POLICY migrating ON credentials;

GRANT UPDATE (expires_at, stream_version, credentials_version, credentials_since, health, health_reason, warned_days, care_at, care_until,
              refresh_failures, refresh_failed_at, subscription_checked_at) ON channels TO sluice_service;
GRANT INSERT, DELETE ON credentials TO sluice_service; -- a refreshed token

-- Sends that wait for a channel's credentials are put off, far; new credentials wake them.
ALTER TABLE tasks ADD COLUMN held_for uuid;            -- the channel
CREATE INDEX tasks_held ON tasks (tenant_id, held_for) WHERE held_for IS NOT NULL;

-- Wakes those whose turn has not come by itself; answers how many.
CREATE FUNCTION wake_held_sends(the_tenant uuid, the_channel uuid) RETURNS bigint LANGUAGE sql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
  WITH woken AS (
    UPDATE tasks SET held_for = NULL, run_after = least(run_after, now()), ticketed_at = NULL, gen = gen + 1
    WHERE tenant_id = the_tenant AND held_for = the_channel AND status = 'ready'
    RETURNING 1
  )
  SELECT count(*) FROM woken
$$;
REVOKE EXECUTE ON FUNCTION wake_held_sends(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wake_held_sends(uuid, uuid) TO sluice_service, sluice_api;

CREATE TABLE channel_tests (                           -- what the command API asks a worker: whether a channel's connection works
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  channel_id uuid NOT NULL,
  care_until timestamptz,                              -- until then one worker is at it
  result     jsonb,                                    -- null: not yet
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX channel_tests_by_age ON channel_tests (created_at);
CREATE INDEX channel_tests_open ON channel_tests (created_at) WHERE result IS NULL;
ALTER TABLE channel_tests ENABLE ROW LEVEL SECURITY;
ALTER TABLE channel_tests FORCE ROW LEVEL SECURITY;
CREATE POLICY service ON channel_tests TO sluice_service USING (true) WITH CHECK (true);
CREATE POLICY tenant ON channel_tests TO sluice_api USING (${tenant}) WITH CHECK (${tenant});
GRANT SELECT, UPDATE, DELETE ON channel_tests TO sluice_service;
GRANT SELECT, INSERT ON channel_tests TO sluice_api;

RESET ROLE;
`;

const down = `
SET LOCAL ROLE sluice_owner;
DROP TABLE channel_tests;
DROP FUNCTION wake_held_sends(uuid, uuid);
DROP INDEX tasks_held, channels_due;
ALTER TABLE tasks DROP COLUMN held_for;
REVOKE INSERT, DELETE ON credentials FROM sluice_service;
REVOKE UPDATE (expires_at, stream_version) ON channels FROM sluice_service;
ALTER TABLE channels DROP COLUMN credentials_version, DROP COLUMN credentials_since, DROP COLUMN health, DROP COLUMN health_reason,
  DROP COLUMN warned_days, DROP COLUMN care_at, DROP COLUMN care_until, DROP COLUMN refresh_failures, DROP COLUMN refresh_failed_at,
  DROP COLUMN subscription_checked_at;
RESET ROLE;
`;

/** Channels know how their credentials are, and are looked after. */
export class ChannelHealth1764000000017 implements MigrationInterface {
  readonly name = 'ChannelHealth1764000000017';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(down);
  }
}
