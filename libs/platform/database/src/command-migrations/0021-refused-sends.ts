import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Refusals of what is sent by a channel are told once a minute. */
export class RefusedSends1764000000021 implements MigrationInterface {
  readonly name = 'RefusedSends1764000000021';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      SET LOCAL ROLE sluice_owner;
      ALTER TABLE channels ADD COLUMN refusal_told_at timestamptz; -- when the log was last told of one
      GRANT UPDATE (refusal_told_at) ON channels TO sluice_service;
      RESET ROLE;`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('SET LOCAL ROLE sluice_owner; ALTER TABLE channels DROP COLUMN refusal_told_at; RESET ROLE;');
  }
}
