import { deciderSpec } from '@sluice/testing';
import { createApp, deleteApp, evolveApp, type ProviderApp, type ProviderAppEvent, uncreatedApp } from './provider-app.js';

const initial = uncreatedApp('018f3b5e-0000-7000-8000-00000000000a', '018f3b5e-0000-7000-8000-00000000000e');
const given = deciderSpec<ProviderApp, ProviderAppEvent>(evolveApp, initial);
const created = createApp(initial, { provider: 'instagram', name: 'Our app' }, 'ada');
const byAda = (app: ProviderApp) => deleteApp(app, 'ada');

it('is created with its provider and name', () => {
  const settings = { provider: 'instagram', name: 'Our app' };
  expect(created.reduce(evolveApp, initial)).toMatchObject({ ...settings, status: 'active', createdBy: 'ada', streamVersion: 1 });
});
it('is deleted once', () =>
  given(...created)
    .when(byAda)
    .then({ type: 'provider_app.deleted', payload: { by: 'ada' } }));
it('does nothing for one that is deleted', () =>
  given(...created, ...byAda(created.reduce(evolveApp, initial)))
    .when(byAda)
    .thenNothing());
