/** What stands in examples, of Sluice and of others, and what people type in a hurry */
const samples =
  /^(?:admin|app|change[-_ ]?(?:me|this|it)|default|demo|example|guest|login|pass|password|postgres|redis|replace[-_ ]?me|root|sample|secret|sluice|test|user|(.)\1*|0?1234567(?:89?0?)?|32 random characters|sixteen letters.*)$/i;
const keyBytes = 32;
const randomKeys = '`openssl rand -base64 32` makes one';

/** Problems of secrets that anybody could guess, by variable. `UNSAFE_SAMPLE_SECRETS=on` lets them through. */
export function sampleSecretsIn(env: Readonly<Record<string, string | undefined>>): string[] {
  if (env['UNSAFE_SAMPLE_SECRETS'] === 'on') return [];
  const found = ['COMMAND_DATABASE_URL', 'QUERY_DATABASE_URL', 'REDIS_URL'].filter((name) => samples.test(passwordIn(env[name])));
  const keys = ['SLUICE_BOOTSTRAP_API_KEY', 'SLUICE_BOOTSTRAP_PLATFORM_KEY', 'JWT_SECRET', 'SUPABASE_SERVICE_KEY'];
  return [
    ...found.map((name) => `${name}: its password is one of examples; take a random one`),
    ...keys.filter((name) => samples.test(env[name] ?? '')).map((name) => `${name}: is one of examples; take a random one`),
    ...(encryptionKeysIn(env['ENCRYPTION_KEYS']).some(isNotRandom)
      ? [`ENCRYPTION_KEYS: holds a key that is not random; ${randomKeys}`]
      : []),
  ];
}

const passwordIn = (url = ''): string => /^[a-z+]+:\/\/[^:@/]*:([^@/]*)@/.exec(url)?.[1] ?? '';

const encryptionKeysIn = (text = ''): Buffer[] =>
  text
    .split(',')
    .map((entry) => Buffer.from(entry.slice(entry.indexOf(':') + 1), 'base64'))
    .filter(({ length }) => length === keyBytes);

/** One byte over and over, a count, or text: 32 random bytes are text once in 10^13. */
const isNotRandom = (key: Buffer): boolean =>
  new Set(key.map((byte, n) => (byte - (key[n - 1] ?? byte) + 256) % 256).subarray(1)).size === 1 ||
  /^[\x20-\x7e]*$/.test(key.toString('latin1'));
