import { z } from 'zod';

const port = z.coerce.number('must be a port number').int().min(0).max(65535);
const url = (protocols: readonly string[], example: string) =>
  z
    .string(`is required, for example ${example}`)
    .refine((text) => protocols.includes(URL.parse(text)?.protocol ?? ''), `must be a URL such as ${example}`);

/** `PORT` (an app's own default), `PUBLIC_URL`, `LOG_LEVEL`. Port 0 takes a free one. */
export const httpEnv = (defaultPort: number) =>
  z
    .object({
      PORT: port.default(defaultPort),
      HOST: z.string().default('0.0.0.0'),
      PUBLIC_URL: url(['http:', 'https:'], 'https://hooks.example.com').optional(),
      LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
    })
    .transform(({ PORT, HOST, PUBLIC_URL, LOG_LEVEL }) => ({
      port: PORT,
      host: HOST,
      publicUrl: PUBLIC_URL?.replace(/\/+$/, ''),
      logLevel: LOG_LEVEL,
    }));

/** A Postgres URL and the size of this process's pool. */
export const databaseEnv = (variable: 'COMMAND_DATABASE_URL' | 'QUERY_DATABASE_URL', poolSize = 10) =>
  z
    .object({
      [variable]: url(['postgres:', 'postgresql:'], 'postgres://user:password@localhost:5432/sluice'),
      DATABASE_POOL_SIZE: z.coerce.number().int().min(2).max(200).default(poolSize),
    })
    .transform((env) => ({ url: String(env[variable]), poolSize: Number(env['DATABASE_POOL_SIZE']) }));

/** `REDIS_URL`: set, tickets and notifications travel on Redis; absent, within this process. */
export const redisEnv = () =>
  z
    .object({ REDIS_URL: url(['redis:', 'rediss:'], 'redis://localhost:6379') })
    .transform(({ REDIS_URL }) => ({ redisUrl: REDIS_URL }));

/** `ENCRYPTION_KEYS`: `id:base64 of 32 bytes`, comma separated; the first one seals, all of them open. */
export const encryptionEnv = () =>
  z
    .object({
      ENCRYPTION_KEYS: z
        .string('is required: `id:base64 of 32 random bytes`, comma separated; `openssl rand -base64 32` makes one')
        .transform((text, context) =>
          text.split(',').map((entry) => {
            const [id = '', base64 = ''] = entry.trim().split(/:(.*)/s);
            const key = Buffer.from(base64, 'base64');
            if (!/^[\w-]{1,32}$/.test(id) || key.length !== 32) {
              context.addIssue({ code: 'custom', message: `each key must be \`id:base64 of exactly 32 bytes\` (key "${id.slice(0, 8)}…")` });
            }
            return { id, key };
          }),
        ),
    })
    .transform(({ ENCRYPTION_KEYS }) => ({ keys: ENCRYPTION_KEYS }));

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

export type HttpConfig = z.output<ReturnType<typeof httpEnv>>;
export type DatabaseConfig = z.output<ReturnType<typeof databaseEnv>>;
export type EncryptionConfig = z.output<ReturnType<typeof encryptionEnv>>;
export type BootstrapConfig = z.output<ReturnType<typeof bootstrapEnv>>;

/** Set or not: the one decision between services and standalone (`REDIS_URL`). */
export interface RedisConfig {
  readonly redisUrl: string | undefined;
}
