import type { MigrationInterface, QueryRunner } from 'typeorm';

/** As in the command store: large values are not compressed, which takes longer than all else about them. */
export class LargeValues1764000000011 implements MigrationInterface {
  readonly name = 'LargeValues1764000000011';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('SET LOCAL ROLE sluice_owner; ALTER TABLE blobs ALTER COLUMN bytes SET STORAGE EXTERNAL; RESET ROLE');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('SET LOCAL ROLE sluice_owner; ALTER TABLE blobs ALTER COLUMN bytes SET STORAGE EXTENDED; RESET ROLE');
  }
}
