import { isIP } from 'node:net';
import { z } from 'zod';
import { parseRedisUrl } from './redis-url.js';

const port = z.coerce.number('must be a port number').int().min(0).max(65535);
const url = (protocols: readonly string[], example: string) =>
  z
    .string(`is required, for example ${example}`)
    .refine((text) => protocols.includes(URL.parse(text)?.protocol ?? ''), `must be a URL such as ${example}`);

/** Who reaches what is for operators: `loopback` is this machine without a proxy in between. */
const exposure = z.enum(['loopback', 'open', 'off']).default('loopback');

const proxies = z
  .string()
  .default('')
  .transform((text) => text.split(',').flatMap((entry) => (entry.trim() === '' ? [] : [entry.trim()])))
  .refine((entries) => entries.every(isRange), 'must be addresses or ranges, comma separated, such as 10.0.0.0/8,2001:db8::7');

function isRange(text: string): boolean {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  return family !== 0 && (bits === undefined || (Number(bits) > 0 && Number(bits) <= (family === 4 ? 32 : 128)));
}

/** `PORT` (an app's own default), `HOST`, `PUBLIC_URL`, `LOG_LEVEL`, `METRICS`, `API_DOCS`, `TRUSTED_PROXIES`, `API_REQUESTS_PER_MINUTE`. Port 0 takes a free one. */
export const httpEnv = (defaultPort: number) =>
  z
    .object({
      PORT: port.default(defaultPort),
      HOST: z.string().default('0.0.0.0'),
      PUBLIC_URL: url(['http:', 'https:'], 'https://hooks.example.com').optional(),
      LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
      METRICS: exposure,
      API_DOCS: exposure,
      TRUSTED_PROXIES: proxies,
      API_REQUESTS_PER_MINUTE: z.coerce.number('must be a whole number').int().min(1).max(10_000_000).default(60_000),
    })
    .transform(({ PORT, HOST, PUBLIC_URL, LOG_LEVEL, METRICS, API_DOCS, TRUSTED_PROXIES, API_REQUESTS_PER_MINUTE }) => ({
      port: PORT,
      host: HOST,
      publicUrl: PUBLIC_URL?.replace(/\/+$/, ''),
      logLevel: LOG_LEVEL,
      exposed: { metrics: METRICS, docs: API_DOCS },
      trustedProxies: TRUSTED_PROXIES,
      requestsPerMinute: API_REQUESTS_PER_MINUTE,
    }));

/** Where a process says that it listens, if nobody told it `PUBLIC_URL`. */
export const ownUrlOf = ({ port }: { readonly port: number }): string => `http://localhost:${port}`;

/** A switch that takes a protection away: off unless it says exactly `on`. */
const unsafeSwitch = z
  .enum(['on', 'off'])
  .default('off')
  .transform((value) => value === 'on');

/** What is found at a store and let through all the same: `UNSAFE_POSTGRES_LOGIN`, `UNSAFE_POSTGRES_NOT_DURABLE`. */
export const toleratedEnv = () =>
  z
    .object({ UNSAFE_POSTGRES_LOGIN: unsafeSwitch, UNSAFE_POSTGRES_NOT_DURABLE: unsafeSwitch })
    .transform((env) => ({ mightyLogin: env.UNSAFE_POSTGRES_LOGIN, notDurable: env.UNSAFE_POSTGRES_NOT_DURABLE }));

/** A Postgres URL, the size of this process's pool and what it may not be refused for. */
export const databaseEnv = (variable: 'COMMAND_DATABASE_URL' | 'QUERY_DATABASE_URL', poolSize = 10) =>
  z
    .object({
      [variable]: url(['postgres:', 'postgresql:'], 'postgres://user:password@localhost:5432/sluice'),
      DATABASE_POOL_SIZE: z.coerce.number().int().min(2).max(200).default(poolSize),
      UNSAFE_POSTGRES_LOGIN: unsafeSwitch,
      UNSAFE_POSTGRES_NOT_DURABLE: unsafeSwitch,
    })
    .transform((env) => ({
      url: String(env[variable]),
      poolSize: Number(env['DATABASE_POOL_SIZE']),
      tolerated: { mightyLogin: env['UNSAFE_POSTGRES_LOGIN'] === true, notDurable: env['UNSAFE_POSTGRES_NOT_DURABLE'] === true },
    }));

/** `REDIS_URL`: set, tickets and notifications travel on Redis; absent, within this process. `UNSAFE_REDIS_EVICTION`: it may evict keys. */
export const redisEnv = () =>
  z
    .object({
      REDIS_URL: z.string('is required, for example redis://localhost:6379').superRefine((text, context) => {
        try {
          parseRedisUrl(text);
        } catch (error) {
          context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
        }
      }),
      UNSAFE_REDIS_EVICTION: unsafeSwitch,
    })
    .transform(({ REDIS_URL, UNSAFE_REDIS_EVICTION }) => ({ redisUrl: REDIS_URL, mayEvict: UNSAFE_REDIS_EVICTION }));

/** `ENCRYPTION_KEYS`: `id:base64 of 32 bytes`, comma separated; the first one seals, all of them open. */
const keysEnv = () =>
  z
    .object({
      ENCRYPTION_KEYS: z
        .string('is required: `id:base64 of 32 random bytes`, comma separated; `openssl rand -base64 32` makes one')
        .transform((text, context) =>
          text.split(',').map((entry, index) => {
            const [id = '', base64 = ''] = entry.trim().split(/:(.*)/s);
            const key = Buffer.from(base64, 'base64');
            if (!/^[\w-]{1,32}$/.test(id) || key.length !== 32) {
              // Without an id, what stands there is the key.
              context.addIssue({
                code: 'custom',
                message: `each key must be \`id:base64 of exactly 32 bytes\`; number ${index + 1} is not`,
              });
            }
            return { id, key };
          }),
        ),
    })
    .transform(({ ENCRYPTION_KEYS }) => ({ keys: ENCRYPTION_KEYS }));

/** A Supabase project, by a key that row-level security does not bind. */
export interface SupabaseConfig {
  readonly url: string;
  readonly serviceKey: string;
}

const supabaseUrl = url(['https:', 'http:'], 'https://project.supabase.co').refine(
  (text) => !text.startsWith('http:') || /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(URL.parse(text)?.hostname ?? ''),
  'must be https, unless it is on this machine: a key goes there',
);

const serviceKey = z.string().superRefine((key, context) => {
  const role = roleOf(key);
  if (role === undefined || role === 'service_role') return;
  context.addIssue({
    code: 'custom',
    message: `is the key of "${role}", which may not read credentials: take the secret key (sb_secret_…) or the service_role key of the project's API settings`,
  });
});

/** Whose key it says it is; undefined: it does not say. */
function roleOf(key: string): string | undefined {
  if (key.startsWith('sb_publishable_')) return 'publishable';
  const [, payload, signature] = key.split('.');
  if (payload === undefined || signature === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
    return typeof claims === 'object' && claims !== null && 'role' in claims ? String(claims.role) : undefined;
  } catch {
    return undefined;
  }
}

const projectEnv = { SUPABASE_URL: supabaseUrl.optional(), SUPABASE_SERVICE_KEY: serviceKey.optional() };

/** `by`: what makes them necessary */
function projectOf(
  env: { readonly SUPABASE_URL?: string; readonly SUPABASE_SERVICE_KEY?: string },
  context: z.RefinementCtx,
  by: string,
): SupabaseConfig {
  for (const name of ['SUPABASE_URL', 'SUPABASE_SERVICE_KEY'] as const) {
    if (env[name] === undefined) context.addIssue({ code: 'custom', path: [name], message: `is required by ${by}` });
  }
  return { url: env.SUPABASE_URL ?? '', serviceKey: env.SUPABASE_SERVICE_KEY ?? '' };
}

/** `CREDENTIAL_STORE`, `SUPABASE_URL`, `SUPABASE_SERVICE_KEY`: where channels' sealed credentials are kept. */
const credentialStoreEnv = () =>
  z.object({ CREDENTIAL_STORE: z.enum(['postgres', 'supabase']).default('postgres'), ...projectEnv }).transform((env, context) => ({
    supabase: env.CREDENTIAL_STORE === 'postgres' ? undefined : projectOf(env, context, 'CREDENTIAL_STORE=supabase'),
  }));

/** `SUPABASE_MIRROR_WEBHOOKS=on`: accepted events are mirrored to the project's table `webhooks`. undefined: they are not. */
export const webhookMirrorEnv = () =>
  z
    .object({ SUPABASE_MIRROR_WEBHOOKS: z.enum(['on', 'off']).default('off'), ...projectEnv })
    .transform((env, context) =>
      env.SUPABASE_MIRROR_WEBHOOKS === 'off' ? undefined : projectOf(env, context, 'SUPABASE_MIRROR_WEBHOOKS=on'),
    );

/** What seals credentials, and where the sealed ones of channels are kept: undefined, in the command store. */
export const encryptionEnv = () => z.intersection(keysEnv(), credentialStoreEnv());

const apiKey = z.string().min(8, 'must have at least 8 characters; use 32 random ones');

/** `SLUICE_BOOTSTRAP_*`: a tenant with an admin key, and a platform key, ensured at start. */
export const bootstrapEnv = () =>
  z
    .object({
      SLUICE_BOOTSTRAP_TENANT_ID: z.guid('must be a UUID').optional(),
      SLUICE_BOOTSTRAP_API_KEY: apiKey.optional(),
      SLUICE_BOOTSTRAP_PLATFORM_KEY: apiKey.optional(),
    })
    .superRefine((env, context) => {
      if ((env.SLUICE_BOOTSTRAP_TENANT_ID === undefined) !== (env.SLUICE_BOOTSTRAP_API_KEY === undefined)) {
        context.addIssue({
          code: 'custom',
          path: ['SLUICE_BOOTSTRAP_TENANT_ID'],
          message: 'SLUICE_BOOTSTRAP_TENANT_ID and SLUICE_BOOTSTRAP_API_KEY go together: set both or neither',
        });
      }
    })
    .transform((env) => ({
      tenant:
        env.SLUICE_BOOTSTRAP_TENANT_ID !== undefined && env.SLUICE_BOOTSTRAP_API_KEY !== undefined
          ? { id: env.SLUICE_BOOTSTRAP_TENANT_ID.toLowerCase(), apiKey: env.SLUICE_BOOTSTRAP_API_KEY }
          : undefined,
      platformKey: env.SLUICE_BOOTSTRAP_PLATFORM_KEY,
    }));

const isGiven = (value: string | undefined) => value !== undefined;
const secretBytesMin = 32;

/** A dotted path into a token's claims. `user_metadata` is what users of Supabase write themselves. */
const claim = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .refine((path) => path.split('.').every((name) => name !== ''), 'must be a dotted path such as app_metadata.tenant_id')
    .refine((path) => !/^(user_metadata|raw_user_meta_data)(\.|$)/.test(path), 'must be a claim that users cannot write themselves');

/** A secret that the issuer and Sluice share (HS256), or the keys that the issuer publishes. */
type JwtKeys = { readonly kind: 'shared'; readonly secret: Uint8Array } | { readonly kind: 'published'; readonly url: string };

/** `JWT_*`: tokens of one issuer, checked by its published keys or by a shared secret, never both; absent, only API keys are known. */
export const jwtEnv = () =>
  z
    .object({
      JWT_JWKS_URL: url(['http:', 'https:'], 'https://project.supabase.co/auth/v1/.well-known/jwks.json').optional(),
      JWT_SECRET: z
        .string()
        .refine((secret) => Buffer.byteLength(secret) >= secretBytesMin, `must have at least ${secretBytesMin} bytes`)
        .optional(),
      JWT_ISSUER: z.string().optional(),
      JWT_AUDIENCE: z.string().optional(),
      JWT_TENANT_CLAIM: claim('app_metadata.tenant_id'),
      JWT_ROLE_CLAIM: claim('app_metadata.sluice_role'),
    })
    .transform((env, context) => {
      const { JWT_JWKS_URL: jwksUrl, JWT_SECRET: secret, JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = env;
      const refuse = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
      if (![jwksUrl, secret, issuer, audience].some(isGiven)) return undefined;
      if (isGiven(jwksUrl) === isGiven(secret)) refuse('JWT_JWKS_URL', 'set either JWT_JWKS_URL or JWT_SECRET, to read JWTs of JWT_ISSUER');
      if (issuer === undefined) refuse('JWT_ISSUER', 'is required to read JWTs: what their `iss` must be');
      if (audience === undefined) refuse('JWT_AUDIENCE', 'is required to read JWTs: what their `aud` must be (Supabase: authenticated)');
      const keys: JwtKeys =
        jwksUrl === undefined ? { kind: 'shared', secret: Buffer.from(secret ?? '') } : { kind: 'published', url: jwksUrl };
      return { keys, issuer: issuer ?? '', audience: audience ?? '', tenantClaim: env.JWT_TENANT_CLAIM, roleClaim: env.JWT_ROLE_CLAIM };
    });

export type HttpConfig = z.output<ReturnType<typeof httpEnv>>;
export type JwtConfig = NonNullable<z.output<ReturnType<typeof jwtEnv>>>;
export type DatabaseConfig = z.output<ReturnType<typeof databaseEnv>>;
/** What is let through although it is not safe. */
export type Tolerated = z.output<ReturnType<typeof toleratedEnv>>;
export type EncryptionConfig = z.output<ReturnType<typeof keysEnv>> & Partial<z.output<ReturnType<typeof credentialStoreEnv>>>;
export type BootstrapConfig = z.output<ReturnType<typeof bootstrapEnv>>;

/** Set or not: the one decision between services and standalone (`REDIS_URL`). */
export interface RedisConfig {
  readonly redisUrl: string | undefined;
  /** `UNSAFE_REDIS_EVICTION` */
  readonly mayEvict?: boolean;
}
