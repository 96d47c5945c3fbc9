import type { MigrationInterface, QueryRunner } from 'typeorm';

const up = `
SET LOCAL ROLE sluice_owner;

-- Cancelling a run takes its tasks and timers with it.
GRANT UPDATE, DELETE ON tasks TO sluice_api;
GRANT SELECT, DELETE ON timers TO sluice_api;

RESET ROLE;
`;

const down = `
SET LOCAL ROLE sluice_owner;
REVOKE UPDATE, DELETE ON tasks FROM sluice_api;
REVOKE SELECT, DELETE ON timers FROM sluice_api;
RESET ROLE;
`;

/** What the commands of operators need. */
export class Operations1764000000004 implements MigrationInterface {
  readonly name = 'Operations1764000000004';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(up);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(down);
  }
}
