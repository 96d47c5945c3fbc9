/** For apps on the tests' servers: a Postgres without fsync, reached as a superuser, with whatever password it was given. */
export const unsafeTestServers = {
  UNSAFE_POSTGRES_LOGIN: 'on',
  UNSAFE_POSTGRES_NOT_DURABLE: 'on',
  UNSAFE_SAMPLE_SECRETS: 'on',
} as const;
