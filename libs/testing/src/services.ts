import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import {
  endProcess,
  endWithThisProcess,
  freePort,
  freePortFrom,
  localSecrets,
  portIsFree,
  startEmbeddedPostgres,
  startRedis,
} from '@sluice/platform-local-servers';

const defaultPorts = {
  'webhook-gateway': 3001,
  'command-api': 3002,
  'query-api': 3003,
  'execution-worker': 3004,
  projector: 3005,
} as const;
const firstFurtherPort = 3006;

export type AppName = keyof typeof defaultPorts;

export interface ServicesOptions {
  /** Postgres' data, secrets made here, logs. */
  dataDir: string;
  /** What the apps are given; what is missing in it to run is brought: databases, Redis, keys, a first tenant. */
  env?: NodeJS.ProcessEnv;
  /** How many of them; the further ones are called `webhook-gateway-2`, `execution-worker-2`, `projector-2`, … */
  gateways?: number;
  workers?: number;
  projectors?: number;
  /** For Node, before the app's file. */
  nodeArguments?: readonly string[];
  /** `free` takes any, so that several sets run at once. */
  ports?: 'default' | 'free';
  /** Settings of the embedded Postgres. */
  postgresSettings?: Record<string, string>;
  log?: (line: string) => void;
  /** An app has ended that nobody stopped, or did not stop cleanly. The others stay up. */
  onCrash?: (app: string, how: string) => void;
}

export interface ServiceProcess {
  readonly app: string;
  readonly url: string;
  readonly pid: number;
}

export interface Services {
  /** By the app's name. */
  readonly urls: Readonly<Record<AppName, string>> & Readonly<Record<string, string>>;
  /** Those that run now. */
  readonly processes: readonly ServiceProcess[];
  readonly commandUrl: string;
  readonly queryUrl: string;
  readonly redisUrl: string;
  /** The tenant that is ensured at start, and its admin key. */
  readonly tenantId: string;
  readonly apiKey: string;
  /** Returns when the process has ended. */
  kill(app: string, signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Starts an app that has ended, on the same port, and waits until it is ready. */
  restart(app: string, env?: NodeJS.ProcessEnv): Promise<void>;
  /** As `restart`, without waiting: for an app that cannot be ready, or must not live that long. */
  launch(app: string, env?: NodeJS.ProcessEnv): void;
  /** Waits until an app is ready. */
  ready(app: string): Promise<void>;
  /** Apps first, then Redis, then Postgres. */
  stop(): Promise<void>;
}

type Log = (line: string) => void;
type Stops = (() => Promise<void>)[];

interface Service {
  readonly app: string;
  readonly main: string;
  readonly port: number;
  readonly url: string;
  pid?: number;
  /** What was sent to end it; without, its end is a crash. */
  sent?: NodeJS.Signals;
  /** Its last output, for the message when it does not start. */
  lastLines: string[];
}

interface Backing {
  /** For every app. */
  readonly env: NodeJS.ProcessEnv;
  readonly commandUrl: string;
  readonly queryUrl: string;
  readonly redisUrl: string;
  readonly tenantId: string;
  readonly apiKey: string;
}

const root = join(import.meta.dirname, '..', '..', '..');
const readyWithinMs = 60_000;
const drainWithinMs = 25_000;
/** At a time: of many each has so little of a small machine that it does not reach its store in time. */
const startingMax = 8;
const lastLinesMax = 20;

/** The five apps as processes of their own, with what they need. Built code runs: `npm run build` comes first. */
export async function startServices(options: ServicesOptions): Promise<Services> {
  const log: Log = options.log ?? (() => {});
  const crashed = options.onCrash ?? ((app, how) => log(`${app} ${how}`));
  const stops: Stops = [];
  const stop = async () => {
    for (const step of stops.splice(0).reverse()) await step();
  };

  const services = await planned(options);
  const named = (app: string) => {
    const service = services.find((candidate) => candidate.app === app);
    if (service === undefined) throw new Error(`There is no ${app} among ${services.map((candidate) => candidate.app).join(', ')}.`);
    return service;
  };
  try {
    const { env, ...backing } = await backingServers(options, stops, log);
    await promisify(execFile)(process.execPath, [join(root, 'tools', 'migrate.ts')], { env });

    stops.push(async () => void (await Promise.all(services.map((service) => end(service, 'SIGTERM')))));
    const start = (service: Service, appEnv: NodeJS.ProcessEnv = {}) => {
      if (service.pid !== undefined) throw new Error(`${service.app} is running.`);
      // Links of workers lead to the API that answers them, all others to the gateway: no proxy is in front that has both.
      const publicUrl = named(service.app.startsWith('execution-worker') ? 'command-api' : 'webhook-gateway').url;
      launch(service, options.nodeArguments ?? [], { PUBLIC_URL: publicUrl, ...env, ...appEnv }, log, crashed);
    };
    // On a machine that others use as well, its store may be out of reach at an app's first try.
    const begin = async (service: Service) => {
      start(service);
      await ready(service).catch(async (error: unknown) => {
        if (service.pid !== undefined) throw error;
        start(service);
        await ready(service);
      });
    };
    for (let first = 0; first < services.length; first += startingMax) {
      await Promise.all(services.slice(first, first + startingMax).map(begin));
    }

    const urlOf = (app: AppName) => named(app).url;
    return {
      ...backing,
      urls: {
        ...Object.fromEntries(services.map(({ app, url }) => [app, url])),
        'webhook-gateway': urlOf('webhook-gateway'),
        'command-api': urlOf('command-api'),
        'query-api': urlOf('query-api'),
        'execution-worker': urlOf('execution-worker'),
        projector: urlOf('projector'),
      },
      get processes() {
        return services.flatMap(({ app, url, pid }) => (pid === undefined ? [] : [{ app, url, pid }]));
      },
      kill: (app, signal) => end(named(app), signal),
      restart: async (app, appEnv) => {
        start(named(app), appEnv);
        await ready(named(app));
      },
      launch: (app, appEnv) => start(named(app), appEnv),
      ready: (app) => ready(named(app)),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function planned({ gateways = 1, workers = 1, projectors = 1, ports = 'default' }: ServicesOptions): Promise<Service[]> {
  const further = (app: AppName, count: number) =>
    Array.from({ length: Math.max(0, count - 1) }, (_, index) => ({ app: `${app}-${index + 2}`, main: app }));
  const standard = Object.entries(defaultPorts).map(([app, port]) => ({ app, main: app, port }));
  const services: Service[] = [];
  let nextPort: number = firstFurtherPort;
  const add = (app: string, main: string, port: number) => {
    services.push({ app, main: join(root, 'apps', main, 'dist', 'main.js'), port, url: `http://localhost:${port}`, lastLines: [] });
  };

  for (const { app, main, port } of standard) {
    if (ports === 'default' && !(await portIsFree(port))) throw new Error(`Port ${port} is taken: ${app} cannot start.`);
    add(app, main, ports === 'default' ? port : await freePort());
  }
  const others = [...further('webhook-gateway', gateways), ...further('execution-worker', workers), ...further('projector', projectors)];
  for (const { app, main } of others) {
    const port = ports === 'default' ? await freePortFrom(nextPort) : await freePort();
    nextPort = port + 1;
    add(app, main, port);
  }
  return services;
}

/** What the environment does not name is started or made. */
async function backingServers(options: ServicesOptions, stops: Stops, log: Log): Promise<Backing> {
  const { dataDir, env = process.env, postgresSettings = {} } = options;
  let unsafe: NodeJS.ProcessEnv = {};
  let { COMMAND_DATABASE_URL: commandUrl, QUERY_DATABASE_URL: queryUrl, REDIS_URL: redisUrl } = env;
  if (commandUrl === undefined || queryUrl === undefined) {
    const postgres = await startEmbeddedPostgres({ dataDir: join(dataDir, 'postgres'), settings: postgresSettings, log });
    stops.push(() => postgres.stop());
    for (const database of ['sluice_command', 'sluice_query']) await postgres.ensureDatabase(database);
    // Its only login is the one that made it; it listens on this machine alone.
    unsafe = { UNSAFE_POSTGRES_LOGIN: 'on' };
    commandUrl ??= postgres.url('sluice_command');
    queryUrl ??= postgres.url('sluice_query');
  }
  if (redisUrl === undefined) {
    const redis = await startRedis({ dir: join(dataDir, 'redis'), log });
    stops.push(() => redis.stop());
    redisUrl = redis.url;
  }
  const secrets = localSecrets(dataDir);
  const tenantId = env['SLUICE_BOOTSTRAP_TENANT_ID'] ?? secrets.tenantId;
  const apiKey = env['SLUICE_BOOTSTRAP_API_KEY'] ?? secrets.apiKey;
  return {
    commandUrl,
    queryUrl,
    redisUrl,
    tenantId,
    apiKey,
    env: {
      HOST: '127.0.0.1',
      ENCRYPTION_KEYS: secrets.encryptionKeys,
      ...unsafe,
      ...env,
      COMMAND_DATABASE_URL: commandUrl,
      QUERY_DATABASE_URL: queryUrl,
      REDIS_URL: redisUrl,
      SLUICE_BOOTSTRAP_TENANT_ID: tenantId,
      SLUICE_BOOTSTRAP_API_KEY: apiKey,
    },
  };
}

/** In a session of its own: Ctrl-C reaches this process alone, which then stops everything in its order. */
function launch(
  service: Service,
  nodeArguments: readonly string[],
  env: NodeJS.ProcessEnv,
  log: Log,
  crashed: (app: string, how: string) => void,
): void {
  const child = spawn(process.execPath, ['--enable-source-maps', ...nodeArguments, service.main], {
    cwd: root,
    env: { ...env, PORT: String(service.port) },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${process.execPath} cannot be run.`);
  const callOff = endWithThisProcess(pid, 'TERM');
  Object.assign(service, { pid, sent: undefined, lastLines: [] });

  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      service.lastLines = [...service.lastLines, line].slice(-lastLinesMax);
      log(`${service.app} | ${line}`);
    });
  }
  child.on('exit', (code, signal) => {
    callOff();
    service.pid = undefined;
    const cleanly = code === 0 || signal === service.sent;
    if (service.sent === undefined || !cleanly) crashed(service.app, `ended ${signal === null ? `with code ${code}` : `by ${signal}`}`);
  });
}

async function end(service: Service, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const { pid } = service;
  if (pid === undefined) return;
  service.sent = signal;
  await endProcess(pid, [signal, drainWithinMs], ['SIGKILL', 5_000]);
  while (service.pid === pid) await sleep(10); // its end is known a moment after it
}

async function ready(service: Service): Promise<void> {
  const failed = (what: string) => new Error(`${service.app} ${what}:\n${service.lastLines.join('\n')}`);
  for (const deadline = Date.now() + readyWithinMs; Date.now() < deadline; await sleep(100)) {
    if (service.pid === undefined) throw failed('did not start');
    const answer = await fetch(`${service.url}/readyz`, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
    if (answer?.ok) return;
  }
  throw failed(`was not ready after ${readyWithinMs / 1000} s`);
}
