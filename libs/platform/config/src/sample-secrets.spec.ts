import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { parseEnv } from './parse-env.js';

const nothing = { nothing: z.object({}) };
const keyOf = (bytes: Buffer) => `k1:${bytes.toString('base64')}`;

it.each<[string, NodeJS.ProcessEnv]>([
  ['COMMAND_DATABASE_URL', { COMMAND_DATABASE_URL: 'postgres://app:secret@db:5432/sluice_command' }],
  ['QUERY_DATABASE_URL', { QUERY_DATABASE_URL: 'postgres://user:password@localhost:5432/sluice' }],
  ['REDIS_URL', { REDIS_URL: 'redis+cluster://app:changeme@a:1,b:2' }],
  ['JWT_SECRET', { JWT_SECRET: 'x'.repeat(40) }],
  ['SLUICE_BOOTSTRAP_API_KEY', { SLUICE_BOOTSTRAP_API_KEY: 'change-me' }],
  ['SLUICE_BOOTSTRAP_PLATFORM_KEY', { SLUICE_BOOTSTRAP_PLATFORM_KEY: '32 random characters' }],
  ['ENCRYPTION_KEYS', { ENCRYPTION_KEYS: keyOf(Buffer.alloc(32, 1)) }],
  ['ENCRYPTION_KEYS', { ENCRYPTION_KEYS: `${keyOf(randomBytes(32))},${keyOf(Buffer.from('a passphrase is not 32 random by'))}` }],
  ['ENCRYPTION_KEYS', { ENCRYPTION_KEYS: keyOf(Buffer.from(Array.from({ length: 32 }, (_, n) => n))) }],
])('refuses a sample secret in %s, and lets it through by UNSAFE_SAMPLE_SECRETS alone', (name, env) => {
  expect(() => parseEnv(env, nothing)).toThrow(`${name}: `);
  expect(() => parseEnv({ ...env, UNSAFE_SAMPLE_SECRETS: 'true' }, nothing)).toThrow(`${name}: `);
  expect(() => parseEnv({ ...env, UNSAFE_SAMPLE_SECRETS: 'on' }, nothing)).not.toThrow();
});

it('takes what is random, and what is missing', () => {
  const hex = randomBytes(24).toString('hex');
  const env = {
    COMMAND_DATABASE_URL: `postgres://app:${hex}@db:5432/sluice_command`,
    QUERY_DATABASE_URL: 'postgres://app@db/sluice_query',
    REDIS_URL: 'redis://localhost:6379',
    JWT_SECRET: hex,
    SLUICE_BOOTSTRAP_API_KEY: hex,
    ENCRYPTION_KEYS: `${keyOf(randomBytes(32))},k2:${randomBytes(32).toString('base64')}`,
  };
  expect(parseEnv(env, nothing)).toEqual({ nothing: {} });
});
