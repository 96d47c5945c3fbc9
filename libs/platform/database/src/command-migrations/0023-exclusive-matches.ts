import type { MigrationInterface, QueryRunner } from 'typeorm';

/** An event that a run took for its workflow alone begins no run of it, however late its start is. */
export class ExclusiveMatches1764000000023 implements MigrationInterface {
  readonly name = 'ExclusiveMatches1764000000023';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      SET LOCAL ROLE sluice_owner;
      ALTER TABLE wait_matches ADD COLUMN exclusive boolean NOT NULL DEFAULT false; -- the event begins no run of the same workflow
      CREATE INDEX wait_matches_exclusive ON wait_matches (tenant_id, event_id) WHERE exclusive;
      GRANT UPDATE (exclusive) ON wait_matches TO sluice_service;
      RESET ROLE;`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('SET LOCAL ROLE sluice_owner; ALTER TABLE wait_matches DROP COLUMN exclusive; RESET ROLE;');
  }
}
