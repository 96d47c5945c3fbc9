import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { SluiceClient } from '@sluice/client';
import { eventually, freePort, startServices, type SluiceUrls, testFolder } from '@sluice/testing';

/** A running Sluice of either kind. */
export interface Running {
  readonly urls: SluiceUrls;
  readonly client: SluiceClient;
  readonly tenantId: string;
  stop(): Promise<void>;
}

const clientOf = ({ command, query }: SluiceUrls, apiKey: string) => new SluiceClient({ commandUrl: command, queryUrl: query, apiKey });

const root = join(import.meta.dirname, '..', '..', '..');

export async function runStandalone(env: NodeJS.ProcessEnv): Promise<Running> {
  const folder = testFolder('e2e');
  const tenantId = randomUUID();
  const apiKey = `e2e-${randomUUID()}`;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(process.execPath, ['apps/standalone/dist/main.js'], {
    cwd: root,
    env: {
      ...process.env,
      ...env,
      PORT: String(port),
      LOG_LEVEL: 'warn',
      SLUICE_DATA_DIR: folder.path,
      SLUICE_BOOTSTRAP_TENANT_ID: tenantId,
      SLUICE_BOOTSTRAP_API_KEY: apiKey,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  await eventually(
    async () => {
      if (child.exitCode !== null) throw new Error(`standalone ended with ${child.exitCode}: ${output}`);
      const response = await fetch(`${url}/readyz`);
      if (!response.ok) throw new Error(`not ready: ${await response.text()}`);
    },
    { timeoutMs: 60_000 },
  );
  const urls = { gateway: url, command: url, query: url };
  return {
    urls,
    tenantId,
    client: clientOf(urls, apiKey),
    stop: async () => {
      const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      const code = await ended;
      folder.remove();
      if (code !== 0) throw new Error(`standalone stopped with ${code}: ${output}`);
    },
  };
}

export async function runServices(env: NodeJS.ProcessEnv): Promise<Running> {
  const folder = testFolder('e2e');
  const services = await startServices({
    dataDir: folder.path,
    ports: 'free',
    workers: 2,
    env: { ...process.env, ...env, LOG_LEVEL: 'warn' },
  });
  const urls = { gateway: services.urls['webhook-gateway'], command: services.urls['command-api'], query: services.urls['query-api'] };
  return {
    urls,
    tenantId: services.tenantId,
    client: clientOf(urls, services.apiKey),
    stop: async () => {
      await services.stop();
      folder.remove();
    },
  };
}
