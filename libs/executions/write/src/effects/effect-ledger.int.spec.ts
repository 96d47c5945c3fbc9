import { newId } from '@sluice/kernel';
import { commandStoreSchema, Database, dataSourceFor, type DatabaseOptions } from '@sluice/platform-database';
import { type TestDatabase, testDatabase } from '@sluice/testing';
import { effectId, recordIntents } from './effect-ledger.js';

let stores: TestDatabase;
let database: Database;

beforeAll(async () => {
  stores = await testDatabase();
  const options: DatabaseOptions = { url: stores.commandUrl, poolSize: 2, role: 'sluice_service', app: 'test', schema: commandStoreSchema };
  database = new Database(await dataSourceFor(options).initialize(), options);
});

afterAll(async () => {
  await database.onApplicationShutdown();
  await stores.drop();
});

/** An effect's task under a lease of this epoch. */
async function leased(epoch: number) {
  const place = { tenantId: newId(), executionId: newId(), nodeId: 'call', iteration: '' };
  const { rows } = await database.pool.query(
    `INSERT INTO tasks (tenant_id, kind, execution_id, node_id, status, epoch, lease_owner, lease_until)
     VALUES ($1, 'effect', $2, 'call', 'leased', $3, $4, now() + interval '30 seconds') RETURNING id`,
    [place.tenantId, place.executionId, epoch, newId()],
  );
  return { ...place, taskId: Number(rows[0].id), effectSecret: Buffer.from('secret'), requestHash: Buffer.alloc(32) };
}

describe('F-20: an intent', () => {
  it('is recorded for whoever holds the task', async () => {
    const effect = await leased(3);
    const recorded = await recordIntents(database, [{ ...effect, taskEpoch: 3 }]);
    expect(recorded.get(effectId(effect))).toMatchObject({ before: 'new', attempts: 1 });
  });

  it('is not recorded for one who held it before, and that one gets no key to send with', async () => {
    const effect = await leased(4);
    expect((await recordIntents(database, [{ ...effect, taskEpoch: 3 }])).size).toBe(0);
    expect((await database.pool.query('SELECT FROM effects WHERE execution_id = $1', [effect.executionId])).rowCount).toBe(0);
  });
});
