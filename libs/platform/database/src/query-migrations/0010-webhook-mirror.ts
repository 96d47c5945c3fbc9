import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How far accepted events are mirrored to Supabase. Not a checkpoint of the read models: nothing waits for it. */
export class WebhookMirror1764000000010 implements MigrationInterface {
  readonly name = 'WebhookMirror1764000000010';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      SET LOCAL ROLE sluice_owner;
      CREATE TABLE webhook_mirror (
        one        boolean PRIMARY KEY DEFAULT true CHECK (one),
        position   bigint,                              -- null: not begun
        updated_at timestamptz NOT NULL DEFAULT now()
      );
      INSERT INTO webhook_mirror DEFAULT VALUES;
      GRANT SELECT, UPDATE ON webhook_mirror TO sluice_projector;
      RESET ROLE;`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE webhook_mirror');
  }
}
