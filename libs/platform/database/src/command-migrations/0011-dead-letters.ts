import type { MigrationInterface, QueryRunner } from 'typeorm';

const up = `
SET LOCAL ROLE sluice_owner;

-- A task that the system gave up stays, as a dead letter, until a person has decided about it.
ALTER TABLE tasks
  ADD COLUMN failures       int NOT NULL DEFAULT 0,    -- its work threw, for no reason of the database's
  ADD COLUMN dead_letter_id uuid,
  ADD COLUMN dead_reason    text,
  ADD COLUMN dead_at        timestamptz,
  ADD COLUMN workflow_id    uuid,                      -- of a dead one, if it is about one
  ADD CONSTRAINT tasks_dead CHECK ((status = 'dead') = (dead_letter_id IS NOT NULL AND dead_reason IS NOT NULL AND dead_at IS NOT NULL));
CREATE UNIQUE INDEX tasks_by_dead_letter ON tasks (tenant_id, dead_letter_id) WHERE status = 'dead';
CREATE INDEX tasks_dead_by_age ON tasks (tenant_id, dead_at, id) WHERE status = 'dead';

RESET ROLE;
`;

/** Refused while there are dead letters: nobody would know of them any more. */
const down = `
SET LOCAL ROLE sluice_owner;
ALTER TABLE tasks ADD CONSTRAINT tasks_none_dead CHECK (status <> 'dead');
ALTER TABLE tasks DROP CONSTRAINT tasks_none_dead, DROP CONSTRAINT tasks_dead;
DROP INDEX tasks_by_dead_letter, tasks_dead_by_age;
ALTER TABLE tasks DROP COLUMN failures, DROP COLUMN dead_letter_id, DROP COLUMN dead_reason, DROP COLUMN dead_at, DROP COLUMN workflow_id;
RESET ROLE;
`;

/** Dead letters: what the system gave up and a person decides about. */
export class DeadLetters1764000000011 implements MigrationInterface {
  readonly name = 'DeadLetters1764000000011';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(down);
  }
}
