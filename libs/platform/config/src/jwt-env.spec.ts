import { parseEnv } from './parse-env.js';
import { jwtEnv } from './parts.js';

const secret = 'a secret of exactly 32 bytes ...';
const jwks = 'https://project.supabase.co/auth/v1/.well-known/jwks.json';
const issued = { JWT_ISSUER: 'https://project.supabase.co/auth/v1', JWT_AUDIENCE: 'authenticated' };
const read = (env: NodeJS.ProcessEnv) => parseEnv(env, { jwt: jwtEnv() }).jwt;

it('takes no tokens unless it is told whose', () => {
  expect(read({})).toBeUndefined();
  expect(read({ JWT_SECRET: '' })).toBeUndefined();
});

it('takes tokens by published keys or by a shared secret', () => {
  const claims = { tenantClaim: 'app_metadata.tenant_id', roleClaim: 'app_metadata.sluice_role' };
  const named = { issuer: issued.JWT_ISSUER, audience: 'authenticated', ...claims };
  expect(read({ ...issued, JWT_JWKS_URL: jwks })).toEqual({ keys: { kind: 'published', url: jwks }, ...named });
  expect(read({ ...issued, JWT_SECRET: secret })).toEqual({ keys: { kind: 'shared', secret: Buffer.from(secret) }, ...named });
});

it.each<[string, NodeJS.ProcessEnv, string]>([
  ['a short secret', { ...issued, JWT_SECRET: secret.slice(1) }, 'at least 32 bytes'],
  ['both kinds of keys', { ...issued, JWT_SECRET: secret, JWT_JWKS_URL: jwks }, 'either JWT_JWKS_URL or JWT_SECRET'],
  ['no keys', issued, 'either JWT_JWKS_URL or JWT_SECRET'],
  ['no issuer', { JWT_AUDIENCE: 'a', JWT_SECRET: secret }, 'JWT_ISSUER'],
  ['no audience', { JWT_ISSUER: 'a', JWT_SECRET: secret }, 'JWT_AUDIENCE'],
  ['keys that are no URL', { ...issued, JWT_JWKS_URL: 'file:///keys' }, 'must be a URL'],
  [
    'a role that users write themselves',
    { ...issued, JWT_SECRET: secret, JWT_ROLE_CLAIM: 'user_metadata.role' },
    'cannot write themselves',
  ],
  ['a path with a hole', { ...issued, JWT_SECRET: secret, JWT_TENANT_CLAIM: 'app_metadata..tenant' }, 'dotted path'],
])('T-07 refuses to start with %s', (_name, env, problem) => {
  expect(() => read(env)).toThrow(problem);
});
