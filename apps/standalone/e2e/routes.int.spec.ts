import { randomUUID } from 'node:crypto';
import { eventually, type ProviderApis, startProviderApis } from '@sluice/testing';
import { SignJWT } from 'jose';
import pg from 'pg';
import { appNames, type FiveApps, startFiveApps } from './five-apps.js';
import { documentedBy, nameOf, type Route, routesOf } from './routes.js';
import { type IdOf, type Kind, kinds, type RouteCase, routeCases } from './route-cases.js';
import { removeTenantFilters, trespasses, withoutRowLevelSecurity } from './tenant-fences.js';
import { Things } from './things.js';

/** No credential opens these, and no document shows them: probes, figures and pages for operators, and what providers sign. */
const outsideTheContract = [
  ...appNames.flatMap((app) => ['/healthz', '/readyz', '/metrics'].map((path) => `${app} GET ${path}`)),
  'webhook-gateway GET /webhooks/:clientUuid/:triggerType/:actionType',
  'webhook-gateway POST /webhooks/:clientUuid/:triggerType/:actionType',
];
/** Who has the link may: it is signed. */
const signedLinks = ['command-api GET /api/approvals/:token', 'command-api POST /api/approvals/:token'];
const pagesForPeople = ['command-api GET /api/approvals/:token'];
const isPageOfDocument = ({ method, path }: Route) => method === 'GET' && /^\/api\/docs(-json|-yaml|\/.*|\*)?$/.test(path);

const ranks = ['viewer', 'editor', 'operator', 'admin', 'platform'] as const;
type Role = (typeof ranks)[number];

interface Answer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly text: string;
}

const jwt = { secret: randomUUID() + randomUUID(), issuer: 'https://issuer.example', audience: 'sluice' };
const tokenFor = (tenantId: string, role: string, secret = jwt.secret) =>
  new SignJWT({ app_metadata: { tenant_id: tenantId, sluice_role: role } })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer(jwt.issuer)
    .setAudience(jwt.audience)
    .setSubject('routes')
    .setExpirationTime('10m')
    .sign(new TextEncoder().encode(secret));

let apis: ProviderApis;
let five: FiveApps;
let all: Route[];
let routes: (Route & { readonly role: Role; readonly routeCase: RouteCase })[];
let own: Things;
let other: Things;
let otherTenantId: string;
let command: pg.Client;
let query: pg.Client;
const keys = new Map<Role, string>();

beforeAll(async () => {
  apis = await startProviderApis();
  const outside = { ...apis.env, OUTBOUND_ALLOW: apis.host };
  five = await startFiveApps({ ...outside, JWT_SECRET: jwt.secret, JWT_ISSUER: jwt.issuer, JWT_AUDIENCE: jwt.audience });
  all = appNames.flatMap((app) => routesOf(app, five.apps[app]));
  routes = all.flatMap((route) => {
    const role = ranks.find((rank) => rank === route.role);
    const cases = [routeCases[nameOf(route)] ?? []].flat();
    return role === undefined ? [] : cases.map((routeCase) => ({ ...route, role, routeCase }));
  });

  const tenant = await ask('command-api', 'POST', '/api/tenants', { credential: five.platformKey, body: { name: 'Other' } });
  const { id, key }: { id: string; key: string } = JSON.parse(tenant.text);
  otherTenantId = id;
  // Whose runs are counted by day
  for (const one of [five.tenantId, id]) {
    await ask('command-api', 'PUT', `/api/tenants/${one}/quotas`, { credential: five.platformKey, body: { dailyExecutions: 1_000_000 } });
  }
  const { 'command-api': commands, 'query-api': queries, 'webhook-gateway': gateway } = five.apps;
  const urls = { gateway: gateway.url, command: commands.url, query: queries.url };
  own = new Things(urls, { id: five.tenantId, key: five.adminKey });
  other = new Things(urls, { id, key });
  keys.set('admin', five.adminKey).set('platform', five.platformKey);
  for (const role of ['viewer', 'editor', 'operator'] as const) {
    const made = await ask('command-api', 'POST', '/api/api-keys', { credential: five.adminKey, body: { name: role, role } });
    keys.set(role, JSON.parse(made.text).key);
  }
  // The query side knows keys by the log.
  for (const credential of [...keys.values(), key]) {
    await eventually(async () => {
      const path = `/api/node-types?tenantId=${credential === key ? id : five.tenantId}`;
      const { status } = await ask('query-api', 'GET', path, { credential });
      if (status !== 200) throw new Error(`a key is answered ${status}`);
    });
  }
  command = new pg.Client(five.commandUrl);
  query = new pg.Client(five.queryUrl);
  await Promise.all([command.connect(), query.connect()]);
}, 60_000);

afterAll(async () => {
  await Promise.all([command?.end(), query?.end()]);
  await five?.stop();
  await apis?.stop();
}, 60_000);

async function ask(
  app: Route['app'],
  method: string,
  path: string,
  { credential, body, headers }: { credential?: string; body?: object; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const response = await fetch(`${five.apps[app].url}${path}`, {
    method,
    headers: {
      ...(credential !== undefined && { authorization: `Bearer ${credential}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return { status: response.status, headers: [...response.headers.keys()], text: await response.text() };
}

interface CallOptions {
  readonly credential?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly more?: object;
}

async function call({ app, method, path, routeCase }: (typeof routes)[number], idOf: IdOf, options: CallOptions = {}): Promise<Answer> {
  const params = Object.entries(routeCase.params ?? {});
  let filled = path;
  for (const [name, what] of params) {
    filled = filled.replace(`:${name}`, what.startsWith('=') ? what.slice(1) : await idOf(kindOf(what)));
  }
  const query = new URLSearchParams({ ...(await routeCase.query?.(idOf)), ...options.query }).toString();
  const body = await routeCase.body?.(idOf);
  return ask(app, method, query === '' ? filled : `${filled}?${query}`, {
    credential: options.credential,
    body: body === undefined ? options.more : { ...body, ...options.more },
  });
}

function kindOf(what: string): Kind {
  const found = kinds.find((kind) => kind === what);
  if (found === undefined) throw new TypeError(`${what} is no kind of thing`);
  return found;
}
const keyOf = (role: Role) => keys.get(role) ?? '';
/** The least that may. A platform key acts for the tenant that it names. */
const allowed = ({ role }: { role: Role }): CallOptions => ({
  credential: keyOf(role),
  query: role === 'platform' ? undefined : { tenantId: five.tenantId },
});

/** What must not differ between a thing of somebody else and a thing that never was. */
function told({ status, headers, text }: Answer, id: string): unknown {
  const body = text === '' ? undefined : JSON.parse(text.replaceAll(id, '<id>'));
  return { status, headers, body: status < 400 ? body : { ...body, instance: '', correlationId: '' } };
}

it('T-01 every route states its role and has a case, and prints them', () => {
  const inContract = all.filter(
    (route) => ![...outsideTheContract, ...signedLinks].includes(`${route.app} ${nameOf(route)}`) && !isPageOfDocument(route),
  );
  const table = inContract.map((route) => `${String(route.role).padEnd(9)} ${route.app.padEnd(12)} ${nameOf(route)}`);
  process.stdout.write(`${table.join('\n')}\n`);

  const roleless = inContract.filter(({ role }) => !ranks.some((rank) => rank === role));
  expect(roleless.map((route) => `${nameOf(route)} of ${route.app} has no @Allow(role).`)).toEqual([]);
  const caseless = inContract.filter((route) => routeCases[nameOf(route)] === undefined);
  expect(
    caseless.map((route) => `${nameOf(route)} (${route.role}) has no case: add a valid call to apps/standalone/e2e/route-cases.ts.`),
  ).toEqual([]);
  const known = new Set(inContract.map(nameOf));
  const idle = Object.keys(routeCases).filter((name) => !known.has(name));
  expect(idle.map((name) => `${name} has a case, and no app has the route.`)).toEqual([]);
});

it('T-01 what needs no credential is named here, and nothing else', () => {
  const open = all.filter(({ role }) => role === 'public').map((route) => `${route.app} ${nameOf(route)}`);
  expect(open.toSorted()).toEqual([...outsideTheContract, ...signedLinks].toSorted());
});

it.each(['command-api', 'query-api'] as const)('the OpenAPI document of %s is its router', async (app) => {
  const routed = all.filter((route) => route.app === app && !isPageOfDocument(route)).map(nameOf);
  const described = await documentedBy(five.apps[app]);
  const undescribed = [...outsideTheContract, ...pagesForPeople];
  expect(described.toSorted()).toEqual(routed.filter((name) => !undescribed.includes(`${app} ${name}`)).toSorted());
});

it('no credential: 401', async () => {
  const wrong: string[] = [];
  const forged = await tokenFor(five.tenantId, 'admin', randomUUID() + randomUUID());
  for (const route of routes) {
    for (const credential of [undefined, 'slk_unknown0_x', forged]) {
      const { status } = await call(route, () => Promise.resolve(randomUUID()), { credential });
      if (status !== 401) wrong.push(`${nameOf(route)} without a credential that is known: ${status}`);
    }
  }
  expect(wrong).toEqual([]);
}, 60_000);

it('T-02 a role too low: 403, by key and by token; in another tenant 404', async () => {
  const wrong: string[] = [];
  for (const route of routes) {
    const lower = ranks[ranks.indexOf(route.role) - 1];
    if (lower === undefined) continue;
    for (const credential of [keyOf(lower), await tokenFor(five.tenantId, lower)]) {
      const { status, text } = await call(route, own.idOf, { credential });
      const isRefused = status === 403 && text.includes('/problems/role_is_insufficient');
      if (!isRefused) wrong.push(`${nameOf(route)} (${route.role}) as ${lower}: ${status} ${text}`);
      const elsewhere = await call(route, own.idOf, { credential, query: { tenantId: otherTenantId } });
      if (elsewhere.status !== 404) wrong.push(`${nameOf(route)} as ${lower} in another tenant: ${elsewhere.status}`);
    }
  }
  expect(wrong).toEqual([]);
}, 60_000);

it('own tenant: allowed, with the least role', async () => {
  const wrong: string[] = [];
  for (const route of routes) {
    const things = route.routeCase.fresh === undefined ? own : own.anew();
    const { status, text } = await call(route, things.idOf, allowed(route));
    const { answers } = route.routeCase;
    if (status !== answers) wrong.push(`${nameOf(route)} (${route.role}): ${status}, not ${answers} ${text}`);
  }
  expect(wrong).toEqual([]);
}, 120_000);

it('own tenant: allowed by a token as by a key', async () => {
  const wrong: string[] = [];
  for (const route of routes.filter(({ role }) => role !== 'platform')) {
    const things = route.routeCase.fresh === undefined ? own : own.anew();
    const { status, text } = await call(route, things.idOf, { credential: await tokenFor(five.tenantId, route.role) });
    if (status !== route.routeCase.answers) wrong.push(`${nameOf(route)} (${route.role}): ${status} ${text}`);
  }
  expect(wrong).toEqual([]);
}, 120_000);

it('T-08 a revoked key is refused by both APIs', async () => {
  const made = await ask('command-api', 'POST', '/api/api-keys', { credential: five.adminKey, body: { name: 'short', role: 'viewer' } });
  const { id, key: credential }: { id: string; key: string } = JSON.parse(made.text);
  const read = async () => (await ask('query-api', 'GET', '/api/node-types', { credential })).status;
  const check = async () => (await ask('command-api', 'POST', `/api/workflows/${randomUUID()}/validate`, { credential })).status;
  const become = (status: number) => eventually(async () => expect(await read()).toBe(status));
  await become(200);
  expect(await check()).toBe(404);

  await ask('command-api', 'DELETE', `/api/api-keys/${id}`, { credential: five.adminKey });
  expect(await check()).toBe(401);
  await become(401);
}, 60_000);

it('T-01 T-06 another tenant’s thing: as if it never was, wherever it is named, and nothing happens to it', async () => {
  expect(await leaks()).toEqual([]);
}, 120_000);

it('T-03 the database keeps tenants apart without a single filter of ours', async () => {
  const removed = removeTenantFilters(['sluice_api', 'sluice_read']);
  try {
    expect(await leaks()).toEqual([]);
    expect(removed.of('sluice_api')).toBeGreaterThan(10);
    expect(removed.of('sluice_read')).toBeGreaterThan(10);
  } finally {
    removed.restore();
  }
}, 120_000);

it('T-03 our filters keep tenants apart without row-level security', async () => {
  await withoutRowLevelSecurity([command, query], async () => expect(await leaks()).toEqual([]));
}, 120_000);

it('T-03 no table shows or takes what is another tenant’s', async () => {
  for (const things of [own, other]) await things.every();
  const found = await Promise.all([
    trespasses(command, 'sluice_api', five.tenantId, otherTenantId),
    trespasses(query, 'sluice_read', five.tenantId, otherTenantId),
  ]);
  expect(found.flatMap(({ wrong }) => wrong)).toEqual([]);
  // Tasks are gone when they are done, and nothing was parked: catalogue.int.spec.ts has their policies.
  const unproven = found.flatMap(({ empty }) => empty).filter((table) => !['tasks', 'projection_parked'].includes(table));
  expect(unproven.map((table) => `${table} is empty: let things.ts make rows of both tenants in it.`)).toEqual([]);
}, 60_000);

it('T-01 another tenant by name: as if it never was, in query and body', async () => {
  const wrong: string[] = [];
  for (const route of routes.filter(({ role }) => role !== 'platform')) {
    const credential = keyOf(route.role);
    const never = randomUUID();
    const places = [
      (tenantId: string) => ({ credential, query: { tenantId } }),
      ...(route.routeCase.body === undefined ? [] : [(tenantId: string) => ({ credential, more: { tenantId } })]),
    ];
    for (const place of places) {
      const [foreign, absent] = [await call(route, own.idOf, place(otherTenantId)), await call(route, own.idOf, place(never))];
      if (foreign.status !== 404) wrong.push(`${nameOf(route)}: ${foreign.status}`);
      const [one, two] = [told(foreign, otherTenantId), told(absent, never)].map((answer) => JSON.stringify(answer));
      if (one !== two) wrong.push(`${nameOf(route)}: ${one}, but ${two}`);
    }
  }
  expect(wrong).toEqual([]);
}, 60_000);

/** Everything that changed in a tenant is in its log. */
async function eventsOf(tenantId: string): Promise<string[]> {
  const { rows } = await command.query<{ type: string }>('SELECT type FROM domain_events WHERE tenant_id = $1 ORDER BY commit_id, ord', [
    tenantId,
  ]);
  return rows.map(({ type }) => type);
}

/** What of another tenant could be told from what never was, or was shown, or changed. */
async function leaks(): Promise<string[]> {
  const wrong: string[] = [];
  const foreignIds = await other.every();
  const before = await eventsOf(otherTenantId);
  for (const route of routes) {
    const things = route.routeCase.fresh === undefined ? own : own.anew();
    if (route.method === 'GET') {
      const { text } = await call(route, things.idOf, allowed(route));
      for (const id of foreignIds) if (text.includes(id)) wrong.push(`${nameOf(route)} shows ${id} of another tenant`);
    }
    // A platform key acts for any tenant.
    const named = route.role === 'platform' ? [] : await kindsNamedBy(route.routeCase);
    for (const kind of named) {
      const id = await other.idOf(kind);
      const never = randomUUID();
      const naming =
        (one: string): IdOf =>
        (asked) =>
          asked === kind ? Promise.resolve(one) : things.idOf(asked);
      const [foreign, absent] = [await call(route, naming(id), allowed(route)), await call(route, naming(never), allowed(route))];
      const where = `${nameOf(route)} with another tenant's ${kind}`;
      const isInPath = Object.values(route.routeCase.params ?? {}).includes(kind);
      if (isInPath && foreign.status !== 404) wrong.push(`${where} in the path: ${foreign.status}`);
      if (!isInPath && route.method !== 'GET' && foreign.status < 400) wrong.push(`${where} in the body: ${foreign.status}`);
      const [one, two] = [told(foreign, id), told(absent, never)].map((answer) => JSON.stringify(answer));
      if (one !== two) wrong.push(`${where}: ${one}, but with an id that never was: ${two}`);
    }
  }
  const after = await eventsOf(otherTenantId);
  if (after.length !== before.length) wrong.push(`in the other tenant happened ${after.slice(before.length).join(', ')}`);
  return wrong;
}

async function kindsNamedBy({ params, query, body }: RouteCase): Promise<Set<Kind>> {
  const named = new Set(
    Object.values(params ?? {})
      .filter((what) => !what.startsWith('='))
      .map(kindOf),
  );
  const note: IdOf = (kind) => {
    named.add(kind);
    return Promise.resolve(randomUUID());
  };
  await query?.(note);
  await body?.(note);
  return named;
}
