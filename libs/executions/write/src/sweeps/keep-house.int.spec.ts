import { randomBytes } from 'node:crypto';
import { newId } from '@sluice/kernel';
import { testDatabase } from '@sluice/testing';
import pg from 'pg';
import { keepHouse } from './sweep-queries.js';

it('keeps what commands answered for their retries, for a day', async () => {
  const stores = await testDatabase();
  const db = new pg.Pool({ connectionString: stores.commandUrl, max: 1 });
  const service = new pg.Pool({ connectionString: stores.commandUrl, max: 1, options: '-c role=sluice_service' });
  for (const age of ['25 hours', '23 hours']) {
    await db.query(
      'INSERT INTO idempotency_keys (tenant_id, key_hash, request_hash, answer, created_at) VALUES ($1, $2, $2, $3, now() - $4::interval)',
      [newId(), randomBytes(32), { result: { age } }, age],
    );
  }
  await keepHouse(service);
  const { rows } = await db.query('SELECT answer FROM idempotency_keys');
  expect(rows).toEqual([{ answer: { result: { age: '23 hours' } } }]);
  await Promise.all([db.end(), service.end()]);
  await stores.drop();
});
