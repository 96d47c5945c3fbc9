import { randomBytes } from 'node:crypto';
import { parseEnv } from './parse-env.js';
import { encryptionEnv } from './parts.js';

const keys = { ENCRYPTION_KEYS: `k2:${randomBytes(32).toString('base64')}` };
const project = { CREDENTIAL_STORE: 'supabase', SUPABASE_URL: 'https://project.supabase.co' };
const jwt = (claims: object) => `${btoa('{}')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`;
const read = (env: NodeJS.ProcessEnv) => parseEnv(env, { encryption: encryptionEnv() }).encryption;

it('credentials are kept in the command store, unless a Supabase project is named for them', () => {
  expect(read(keys)).toEqual({ keys: [{ id: 'k2', key: expect.any(Buffer) }], supabase: undefined });
  for (const serviceKey of ['sb_secret_4f8bqk2p', jwt({ role: 'service_role' })])
    expect(read({ ...keys, ...project, SUPABASE_SERVICE_KEY: serviceKey }).supabase).toEqual({ url: project.SUPABASE_URL, serviceKey });
});

it('says all that is wrong at once', () => {
  expect(() => read({ CREDENTIAL_STORE: 'supabase' })).toThrow(
    /ENCRYPTION_KEYS: is required[^]*SUPABASE_URL: is required[^]*SUPABASE_SERVICE_KEY: is required/,
  );
});

it.each<[string, NodeJS.ProcessEnv, string]>([
  ['a store that nobody knows', { CREDENTIAL_STORE: 'vault' }, 'CREDENTIAL_STORE'],
  ['the anon key', { ...project, SUPABASE_SERVICE_KEY: jwt({ role: 'anon' }) }, 'is the key of "anon", which may not read credentials'],
  ['a publishable key', { ...project, SUPABASE_SERVICE_KEY: 'sb_publishable_4f8bqk2p' }, 'is the key of "publishable"'],
  [
    'a key in plain text over a network',
    { ...project, SUPABASE_URL: 'http://supabase.example.com', SUPABASE_SERVICE_KEY: 'sb_secret_1' },
    'must be https',
  ],
  ['a key out of an example', { ...project, SUPABASE_SERVICE_KEY: 'change-me' }, 'is one of examples'],
])('refuses to start with %s', (_name, env, problem) => {
  expect(() => read({ ...keys, ...env })).toThrow(problem);
});

it('I12: repeats nothing of a key that was given without its id', () => {
  const key = randomBytes(32).toString('base64');
  expect(() => read({ ENCRYPTION_KEYS: `${keys.ENCRYPTION_KEYS},${key}` })).toThrow(
    expect.objectContaining({ message: expect.stringContaining('number 2 is not') }),
  );
  expect(() => read({ ENCRYPTION_KEYS: key })).toThrow(expect.objectContaining({ message: expect.not.stringContaining(key.slice(0, 4)) }));
});
