import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What read models show of the commands of operators. */
export class OperationsShown1764000000002 implements MigrationInterface {
  readonly name = 'OperationsShown1764000000002';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      SET LOCAL ROLE sluice_owner;
      ALTER TABLE execution_detail ADD COLUMN sent_after_cancel boolean NOT NULL DEFAULT false;
      RESET ROLE;`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE execution_detail DROP COLUMN sent_after_cancel');
  }
}
