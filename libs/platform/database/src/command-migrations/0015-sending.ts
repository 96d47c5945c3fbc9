import type { MigrationInterface, QueryRunner } from 'typeorm';

const up = `
SET LOCAL ROLE sluice_owner;

-- The provider's id of the message that an effect sent: tells whose message an echo or a receipt is about.
ALTER TABLE effects ADD COLUMN message_id text;
CREATE INDEX effects_of_message ON effects (tenant_id, message_id) WHERE message_id IS NOT NULL;

-- For customers that are asked for by another id than that of their events. Few providers give any: the index holds nothing else.
CREATE INDEX webhook_events_of_alias ON webhook_events (tenant_id, channel_id, (item #>> '{customerAliases,0}'), id)
  WHERE item #>> '{customerAliases,0}' IS NOT NULL;
RESET ROLE;
`;

const down = `
SET LOCAL ROLE sluice_owner;
DROP INDEX webhook_events_of_alias, effects_of_message;
ALTER TABLE effects DROP COLUMN message_id;
RESET ROLE;
`;

/** What a send leaves behind, and by which names a customer is found. */
export class Sending1764000000015 implements MigrationInterface {
  readonly name = 'Sending1764000000015';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(down);
  }
}
