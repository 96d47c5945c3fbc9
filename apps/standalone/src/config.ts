import { bootstrapEnv, encryptionEnv, httpEnv, jwtEnv, parseEnv, toleratedEnv, webhookMirrorEnv } from '@sluice/platform-config';
import { outboundEnv } from '@sluice/platform-outbound';
import { executionEnv } from '@sluice/executions-write';
import { z } from 'zod';

/** `SLUICE_DATA_DIR`: Postgres' data and this installation's secrets. */
const dataEnv = () =>
  z.object({ SLUICE_DATA_DIR: z.string().default('.sluice') }).transform(({ SLUICE_DATA_DIR }) => ({ dir: SLUICE_DATA_DIR }));

/**
 * As the services', without servers to name: Postgres is brought along, and there is no Redis. Its login is the one that made the cluster: nobody
 * else knows it, and the server listens on this machine alone (ADR 0009).
 */
export const readConfig = (env: NodeJS.ProcessEnv) => {
  const { tolerated, ...config } = parseEnv(env, {
    http: httpEnv(3000),
    data: dataEnv(),
    encryption: encryptionEnv(),
    bootstrap: bootstrapEnv(),
    jwt: jwtEnv(),
    outbound: outboundEnv(),
    execution: executionEnv(),
    webhookMirror: webhookMirrorEnv(),
    tolerated: toleratedEnv(),
  });
  return { ...config, tolerated: { ...tolerated, mightyLogin: true }, redis: { redisUrl: undefined } };
};

export const readDataDir = (env: NodeJS.ProcessEnv): string => parseEnv(env, { data: dataEnv() }).data.dir;

export type StandaloneConfig = ReturnType<typeof readConfig>;
