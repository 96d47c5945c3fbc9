import { providerNamed, providers } from './registry.js';

it('finds an adapter by the name that channels use, and no other', () => {
  expect(providerNamed('instagram')?.name).toBe('instagram');
  expect(providerNamed('Instagram')).toBeUndefined();
  expect(providerNamed('__proto__')).toBeUndefined();
});

it('leaves the word `all` to paths that name no family', () => {
  for (const { actionTypes } of providers.values()) expect(actionTypes).not.toContain('all');
});
