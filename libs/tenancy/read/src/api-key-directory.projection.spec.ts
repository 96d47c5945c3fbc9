import { randomUUID } from 'node:crypto';
import { replay } from '@sluice/platform-projections';
import type { TenancyEvent } from '@sluice/tenancy-domain';
import { apiKeyDirectory } from './api-key-directory.projection.js';

const id = randomUUID();
const created: TenancyEvent = {
  type: 'api_key.created',
  aggregateId: id,
  payload: { name: 'console', role: 'editor', prefix: 'slk_abc', hash: 'ff', expiresAt: null, by: 'ada' },
};

it('knows a key until it is revoked, and that it was', () => {
  const tenant: TenancyEvent = { type: 'tenant.created', aggregateId: randomUUID(), payload: { name: 'Acme' } };
  expect(replay(apiKeyDirectory, [tenant, created])).toMatchObject([{ id, role: 'editor', hash: 'ff', revokedAt: null, createdBy: 'ada' }]);
  const revoked: TenancyEvent = { type: 'api_key.revoked', aggregateId: id, payload: { by: 'ada' } };
  expect(replay(apiKeyDirectory, [created, revoked], 1)).toMatchObject([{ id, hash: 'ff', revokedAt: '2026-11-23T12:00:02.000Z' }]);
});
