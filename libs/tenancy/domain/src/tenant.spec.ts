import { deciderSpec } from '@sluice/testing';
import type { TenantEvent } from './tenancy.js';
import { changeEnv, changeQuotas, evolveTenant, type Tenant } from './tenant.js';

const initial: Tenant = { id: '018f3b5e-0000-7000-8000-00000000000a', quotas: {}, env: { host: 'a.test' }, streamVersion: 1 };
const given = deciderSpec<Tenant, TenantEvent>(evolveTenant, initial);
const quotas = { dailyExecutions: 1_000 };
const limited = (tenant: Tenant) => changeQuotas(tenant, quotas, 'ada');

it('has the quotas that it was given last, all of them', () => {
  given()
    .when(limited)
    .then({ type: 'tenant.quota.changed', payload: { quotas, by: 'ada' } });
  given(...limited(initial))
    .when(limited)
    .thenNothing();
  given(...limited(initial))
    .when((tenant) => changeQuotas(tenant, {}, 'ada'))
    .then({ type: 'tenant.quota.changed', payload: { quotas: {} } });
});

it('logs the names of its variables, never a value', () => {
  const events = changeEnv(initial, { token: 'very-secret', host: 'b.test' }, 'ada');
  expect(events).toMatchObject([{ type: 'tenant.env.changed', payload: { names: ['host', 'token'], by: 'ada' } }]);
  expect(JSON.stringify(events)).not.toMatch(/very-secret|b\.test/);
  expect(changeEnv(initial, { host: 'a.test' }, 'ada')).toEqual([]);
});
