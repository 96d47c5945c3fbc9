import type { MigrationInterface, QueryRunner } from 'typeorm';

const up = `
SET LOCAL ROLE sluice_owner;

CREATE TABLE sent_message (                            -- by the provider's name for it: whose message an echo or a receipt is about
  tenant_id    uuid NOT NULL,
  channel_id   uuid NOT NULL,
  message_id   text NOT NULL,
  execution_id uuid NOT NULL,
  workflow_id  uuid NOT NULL,
  node_id      text NOT NULL,
  iteration    text NOT NULL,
  sent_at      timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, channel_id, message_id)
);
ALTER TABLE sent_message ENABLE ROW LEVEL SECURITY;
ALTER TABLE sent_message FORCE ROW LEVEL SECURITY;
CREATE POLICY projector ON sent_message TO sluice_projector USING (true) WITH CHECK (true);
CREATE POLICY tenant ON sent_message FOR SELECT TO sluice_read USING (tenant_id = (SELECT current_tenant()));
GRANT SELECT, INSERT, UPDATE ON sent_message TO sluice_projector;
GRANT SELECT ON sent_message TO sluice_read;

-- What the provider told of a message. An id is as long as whoever calls makes it.
CREATE INDEX webhook_events_about_sent ON webhook_event_history (tenant_id, channel_id, left(item ->> 'messageId', 512)) WHERE direction = 'out';

-- A send that waits for its channel.
ALTER TABLE execution_detail ADD COLUMN held_for uuid, ADD COLUMN held_since timestamptz;
CREATE INDEX execution_detail_held ON execution_detail (tenant_id, execution_id) WHERE held_for IS NOT NULL;

CREATE INDEX replay_by_start ON replay (tenant_id, started_at, id);

RESET ROLE;
`;

const down = `
SET LOCAL ROLE sluice_owner;
DROP INDEX replay_by_start, execution_detail_held, webhook_events_about_sent;
ALTER TABLE execution_detail DROP COLUMN held_for, DROP COLUMN held_since;
DROP TABLE sent_message;
RESET ROLE;
`;

/** What was sent, what waits to be sent, and a list of replays. */
export class SendsShown1764000000012 implements MigrationInterface {
  readonly name = 'SendsShown1764000000012';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(down);
  }
}
