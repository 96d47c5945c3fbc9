import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import {
  Body,
  Controller,
  Get,
  HttpCode,
  Injectable,
  Module,
  Param,
  ParseUUIDPipe,
  Post,
  Put,
  Query,
  Req,
  UseInterceptors,
} from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { limits } from '@sluice/contracts';
import { DomainError, PLATFORM_TENANT_ID } from '@sluice/kernel';
import { RatesModule } from '@sluice/platform-rates';
import { createLogger, currentCorrelation } from '@sluice/platform-telemetry';
import { Type } from 'class-transformer';
import { IsArray, IsInt, IsObject, IsOptional, IsString, ValidateNested } from 'class-validator';
import type { FastifyRequest } from 'fastify';
import { type JWTPayload, SignJWT } from 'jose';
import { Allow, Authenticator, Caller, createHttpApp, HealthModule, IfMatch, Page, pageOf, Public, RevisionETag } from './index.js';

const acme = '018f3b5e-0000-7000-8000-00000000000a';
const globex = '018f3b5e-0000-7000-8000-00000000000b';
const secret = randomBytes(32);

@Injectable()
class KnownKeys extends Authenticator {
  private readonly keys = new Map<string, Caller>([
    ['viewer', { tenantId: acme, userId: 'key:1', role: 'viewer' }],
    ['editor', { tenantId: acme, userId: 'key:2', role: 'editor' }],
    ['platform', { tenantId: PLATFORM_TENANT_ID, userId: 'key:3', role: 'platform' }],
  ]);

  override authenticate(bearer: string) {
    return Promise.resolve(this.keys.get(bearer));
  }

  override tenantExists(tenantId: string) {
    return Promise.resolve(tenantId === acme || tenantId === globex);
  }
}

class Item {
  @IsString() id: string;
  @IsObject() config: object;
}

class Command {
  @IsString() name: string;
  @IsOptional() @IsInt() count?: number;
  @IsOptional() @IsArray() @ValidateNested({ each: true }) @Type(() => Item) items?: Item[];
}

class WorkflowIsArchived extends DomainError {
  constructor() {
    super('conflict', 'workflow_is_archived', 'The workflow is archived.');
  }
}

@Controller('api/things')
class ThingsController {
  @Get()
  @Allow('viewer')
  list(@Query() page: Page, @Caller() { tenantId }: Caller) {
    return pageOf([tenantId], 1, page);
  }

  @Post()
  @Allow('editor')
  create(@Body() body: Command, @Caller() caller: Caller) {
    return { body, caller };
  }

  @Put(':id')
  @Allow('editor')
  @UseInterceptors(RevisionETag)
  update(@Param('id', ParseUUIDPipe) id: string, @IfMatch() revision?: number) {
    return { id, revision: (revision ?? 0) + 1 };
  }

  @Post('anything')
  @HttpCode(200)
  @Allow('editor')
  anything(@Body() body: unknown) {
    return { body };
  }

  @Get('tenants')
  @Allow('platform')
  tenants(@Caller() { tenantId }: Caller) {
    return { tenantId };
  }

  @Get('context')
  @Public()
  async context() {
    await new Promise((resolve) => setImmediate(resolve));
    const correlation = currentCorrelation();
    if (correlation !== undefined) correlation.logPosition = '42';
    return { correlationId: correlation?.correlationId };
  }

  @Post('context-after-body')
  @HttpCode(200)
  @Public()
  contextAfterBody() {
    return { correlationId: currentCorrelation()?.correlationId };
  }

  @Get('archived')
  @Public()
  archived() {
    throw new WorkflowIsArchived();
  }

  @Get('busy')
  @Public()
  busy() {
    throw new DomainError('too_many', 'too_many_deliveries', 'Slow down.', { retryAfterSeconds: 2.1 });
  }

  @Get('bug')
  @Public()
  bug() {
    throw new TypeError('a secret detail');
  }

  @Get('undecorated')
  undecorated() {
    return 'never';
  }
}

@Controller('webhooks')
class WebhooksController {
  @Post(':id/:type/:action')
  @HttpCode(200)
  @Public()
  receive(@Req() { body }: FastifyRequest) {
    if (!Buffer.isBuffer(body)) throw new TypeError('not bytes');
    return { bytes: body.length, sha256: createHash('sha256').update(body).digest('hex') };
  }
}

let store: () => Promise<unknown> = () => Promise.resolve();

@Module({
  imports: [
    RatesModule.forRoot({ redisUrl: undefined }),
    HealthModule.forRoot({ inject: [], dependencies: () => ({ store: { assertReady: () => store() } }), timeoutMs: 50 }),
  ],
  controllers: [ThingsController, WebhooksController],
  providers: [KnownKeys],
})
class TestModule {}

let app: NestFastifyApplication;
let base: string;
beforeAll(async () => {
  app = await createHttpApp(TestModule, {
    logger: createLogger('test', 'silent'),
    authenticator: KnownKeys,
    jwt: { keys: { kind: 'shared', secret }, issuer: 'https://issuer', audience: 'sluice', tenantClaim: 'tenant', roleClaim: 'role' },
    http: { exposed: { metrics: 'loopback', docs: 'loopback' }, trustedProxies: [], requestsPerMinute: 60_000 },
    openApi: { title: 'Things', description: 'of a test' },
  });
  await app.listen(0, '127.0.0.1');
  base = await app.getUrl();
});
afterAll(() => app.close());

async function call(
  method: string,
  path: string,
  { key, body, headers = {} }: { key?: string; body?: unknown; headers?: Record<string, string> } = {},
) {
  const raw = typeof body === 'string' || body instanceof Buffer;
  const response = await fetch(`${base}${path}`, {
    method,
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && !raw && { 'content-type': 'application/json' }),
      ...headers,
    },
    body:
      body === undefined
        ? undefined
        : body instanceof Buffer
          ? new Uint8Array(body)
          : typeof body === 'string'
            ? body
            : JSON.stringify(body),
  });
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  return { status: response.status, headers: response.headers, type, body: type.includes('json') && text !== '' ? JSON.parse(text) : text };
}
const json = { 'content-type': 'application/json' };

describe('correlation', () => {
  it('keeps a harmless id of the caller, in the handler and in the answer', async () => {
    const answer = await call('GET', '/api/things/context', { headers: { 'x-correlation-id': 'from-caller:1.2_3' } });
    expect(answer.body.correlationId).toBe('from-caller:1.2_3');
    expect(answer.headers.get('x-correlation-id')).toBe('from-caller:1.2_3');
    expect(answer.headers.get('x-log-position')).toBe('42');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('survives the reading of a body', async () => {
    const answer = await call('POST', '/api/things/context-after-body', {
      body: { much: 'x'.repeat(200_000) },
      headers: { 'x-correlation-id': 'after-body' },
    });
    expect(answer.body.correlationId).toBe('after-body');
  });

  it.each(['with space', 'x'.repeat(129), '<script>'])('replaces %.20s by a new one', async (id) => {
    const answer = await call('GET', '/api/things/context', { headers: { 'x-correlation-id': id } });
    expect(answer.body.correlationId).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers.get('x-correlation-id')).toBe(answer.body.correlationId);
  });

  it('keeps calls apart', async () => {
    const ids = Array.from({ length: 50 }, (_, n) => `call-${n}`);
    const answers = await Promise.all(
      ids.map((id) => call('POST', '/api/things/context-after-body', { body: {}, headers: { 'x-correlation-id': id } })),
    );
    expect(answers.map(({ body }) => body.correlationId)).toEqual(ids);
  });
});

describe('problems', () => {
  it('names the domain error', async () => {
    const answer = await call('GET', '/api/things/archived?token=hidden');
    expect(answer.status).toBe(409);
    expect(answer.type).toMatch(/^application\/problem\+json/);
    expect(answer.body).toEqual({
      type: '/problems/workflow_is_archived',
      title: 'Workflow is archived',
      status: 409,
      detail: 'The workflow is archived.',
      instance: '/api/things/archived',
      correlationId: answer.headers.get('x-correlation-id'),
    });
  });

  it('tells nothing of a bug', async () => {
    const answer = await call('GET', '/api/things/bug');
    expect(answer.status).toBe(500);
    expect(JSON.stringify(answer.body)).not.toContain('secret');
  });

  it('says when to come back, in whole seconds', async () => {
    const answer = await call('GET', '/api/things/busy');
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '3']);
  });

  it.each([
    ['GET', '/nowhere', 404],
    ['PATCH', '/api/things', 404],
    ['GET', '/%zz', 400],
    ['GET', '/api/things/x%00y', 400],
    ['POST', `/webhooks/${'x'.repeat(600)}/a/b`, 414],
  ])('answers %s %.20s with a problem of status %i', async (method, path, status) => {
    const answer = await call(method, path);
    expect(answer.status).toBe(status);
    expect(answer.type).toMatch(/^application\/problem\+json/);
    expect(answer.body).toMatchObject({ status, correlationId: expect.any(String), instance: path });
  });

  it('has the field that providers show under /webhooks/', async () => {
    expect((await call('POST', '/webhooks/nowhere')).body).toMatchObject({ status: 404, error: 'Invalid webhook request' });
  });
});

describe('validation', () => {
  it('names every fault by its path', async () => {
    const body = {
      name: 1,
      count: 'x',
      surplus: true,
      items: [
        { id: 'a', config: {} },
        { id: 'b', config: 'text', more: 1 },
      ],
    };
    const answer = await call('POST', '/api/things', { key: 'editor', body });
    expect(answer.status).toBe(400);
    expect(answer.body.errors.map(({ path }: { path: string }) => path).sort()).toEqual([
      'count',
      'items[1].config',
      'items[1].more',
      'name',
      'surplus',
    ]);
  });

  it.each([
    ['cut off', '{"a":', json, 400],
    ['that changes a prototype', '{"__proto__":{"x":1}}', json, 400],
    ['that changes a constructor', '{"constructor":{"prototype":{"x":1}}}', json, 400],
    ['that would confuse a class', '{"a":{"constructor":"Ferrari"}}', json, 400],
    ['too deep', `${'['.repeat(65)}${']'.repeat(65)}`, json, 400],
    ['with a NUL', '{"a":"\\u0000"}', json, 400],
    ['with half an emoji', '{"a":"\\ud800"}', json, 400],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22]), json, 400],
    ['of a form', 'a=1', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['of a nonsense type', '{}', { 'content-type': 'nonsense' }, 415],
    ['in another charset', '{}', { 'content-type': 'application/json; charset=latin1' }, 415],
    ['compressed', '{}', { ...json, 'content-encoding': 'gzip' }, 415],
    ['too large', `"${'x'.repeat(1024 * 1024)}"`, json, 413],
  ])('refuses a body %s', async (_, body, headers, status) => {
    const answer = await call('POST', '/api/things/anything', { key: 'editor', body, headers });
    expect([answer.status, answer.body.status]).toEqual([status, status]);
  });

  it.each([
    ['that is empty', '', json, undefined],
    ['as deep as allowed', `${'['.repeat(64)}${']'.repeat(64)}`, json, expect.anything()],
    [
      'with brackets in strings',
      '{"a":"[[[[\\"{{{{\\\\u0000"}',
      { 'content-type': 'application/merge-patch+json; charset="UTF-8"' },
      { a: '[[[["{{{{\\u0000' },
    ],
  ])('takes a body %s', async (_, body, headers, parsed) => {
    expect((await call('POST', '/api/things/anything', { key: 'editor', body, headers })).body.body).toEqual(parsed);
  });

  it('has sensible pages', async () => {
    expect((await call('GET', '/api/things', { key: 'viewer' })).body).toEqual({ items: [acme], page: 1, limit: 50, total: 1 });
    expect((await call('GET', '/api/things?page=2&limit=200', { key: 'viewer' })).body).toMatchObject({ page: 2, limit: 200 });
    for (const query of ['limit=201', 'limit=0', 'page=0', 'page=x', 'other=1']) {
      expect((await call('GET', `/api/things?${query}`, { key: 'viewer' })).status).toBe(400);
    }
  });

  it('reads If-Match and answers ETag', async () => {
    const answer = await call('PUT', `/api/things/${acme}`, { key: 'editor', headers: { 'if-match': '"7"' } });
    expect([answer.status, answer.body.revision, answer.headers.get('etag')]).toEqual([200, 8, '"8"']);
    expect((await call('PUT', `/api/things/${acme}`, { key: 'editor', headers: { 'if-match': 'seven' } })).status).toBe(400);
    expect((await call('PUT', '/api/things/seven', { key: 'editor' })).status).toBe(400);
  });
});

describe('authorisation', () => {
  it('asks for a credential', async () => {
    const answer = await call('GET', '/api/things');
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect((await call('GET', '/api/things', { key: 'unknown' })).status).toBe(401);
    expect((await call('GET', '/api/things', { headers: { authorization: 'Basic dTpw' } })).status).toBe(401);
  });

  it('refuses a lesser role, before it looks at the body', async () => {
    expect((await call('POST', '/api/things', { key: 'viewer', body: { nonsense: true } })).status).toBe(403);
    expect((await call('GET', '/api/things/tenants', { key: 'editor' })).status).toBe(403);
  });

  it('closes a route that names nobody', async () => {
    expect((await call('GET', '/api/things/undecorated', { key: 'platform' })).status).toBe(403);
  });

  it('takes the tenant from the credential alone', async () => {
    expect(
      (await call('POST', '/api/things', { key: 'editor', body: { name: 'a', tenantId: acme.toUpperCase() } })).body.caller.tenantId,
    ).toBe(acme);
    expect((await call('POST', '/api/things', { key: 'editor', body: { name: 'a', tenantId: globex } })).status).toBe(404);
    expect((await call('POST', '/api/things', { key: 'editor', body: { name: 'a', tenantId: { $ne: 1 } } })).status).toBe(404);
    expect((await call('GET', `/api/things?tenantId=${globex}`, { key: 'viewer' })).status).toBe(404);
    expect((await call('GET', `/api/things?tenantId=${acme}&tenantId=${globex}`, { key: 'viewer' })).status).toBe(404);
  });

  it('lets a platform key act for the tenant it names, for none by default', async () => {
    expect((await call('GET', `/api/things?tenantId=${globex}`, { key: 'platform' })).body.items).toEqual([globex]);
    expect((await call('POST', `/api/things?tenantId=${acme}`, { key: 'platform', body: { name: 'a', tenantId: globex } })).status).toBe(
      400,
    );
    expect((await call('GET', '/api/things', { key: 'platform' })).status).toBe(400);
    expect((await call('GET', `/api/things?tenantId=${PLATFORM_TENANT_ID}`, { key: 'platform' })).status).toBe(404);
    expect((await call('GET', '/api/things/tenants', { key: 'platform' })).body.tenantId).toBe(PLATFORM_TENANT_ID);
  });
});

describe('JWTs', () => {
  const token = (claims: JWTPayload) =>
    new SignJWT({ tenant: acme, role: 'editor', ...claims })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer('https://issuer')
      .setAudience('sluice')
      .setSubject('ada')
      .setExpirationTime('5m')
      .sign(secret);

  it('stand beside API keys', async () => {
    const { body } = await call('POST', '/api/things', { key: await token({}), body: { name: 'a' } });
    expect(body.caller).toEqual({ tenantId: acme, userId: 'user:ada', role: 'editor' });
    expect((await call('GET', '/api/things/tenants', { key: await token({}) })).status).toBe(403);
    expect((await call('GET', `/api/things?tenantId=${globex}`, { key: await token({}) })).status).toBe(404);
  });

  it('open nothing without a tenant and a role of ours, and never the role platform', async () => {
    const codeOf = async (claims: JWTPayload) => {
      const { status, body } = await call('GET', '/api/things', { key: await token(claims) });
      return [status, body.type];
    };
    for (const tenant of [undefined, 'acme', PLATFORM_TENANT_ID, '018f3b5e-0000-7000-8000-00000000000c', [acme]]) {
      expect(await codeOf({ tenant })).toEqual([403, '/problems/token_names_no_tenant']);
    }
    for (const role of [undefined, 'platform', 'owner', 'Viewer', ['viewer']]) {
      expect(await codeOf({ role })).toEqual([403, '/problems/token_names_no_role']);
    }
  });
});

describe('webhook bodies', () => {
  const bytes = Buffer.from([0x00, 0xff, 0xfe, 0x7b, 0x0a]);
  const sha256 = createHash('sha256').update(bytes).digest('hex');

  it.each(['application/json', 'application/x-www-form-urlencoded', 'nonsense', 'multipart/form-data', undefined])(
    'stay the bytes they were as %p',
    async (type) => {
      const answer = await call('POST', '/webhooks/a/b/c', { body: bytes, headers: type === undefined ? {} : { 'content-type': type } });
      expect([answer.status, answer.body]).toEqual([200, { bytes: 5, sha256 }]);
    },
  );

  it('may be empty', async () => {
    expect((await call('POST', '/webhooks/a/b/c')).body.bytes).toBe(0);
    expect((await call('POST', '/webhooks/a/b/c', { body: '', headers: json })).body.bytes).toBe(0);
  });

  it('B-01: may be as large as any provider’s and not more, whether or not the length is told', async () => {
    const most = Buffer.alloc(limits.webhookBodyBytes, 0x20);
    expect((await call('POST', '/webhooks/a/b/c', { body: most })).body.bytes).toBe(most.length);
    expect((await call('POST', '/webhooks/a/b/c', { body: Buffer.concat([most, Buffer.from(' ')]) })).status).toBe(413);

    const status = await new Promise((resolve, reject) => {
      const chunked = request(`${base}/webhooks/a/b/c`, { method: 'POST' }, (response) => resolve(response.statusCode));
      chunked.on('error', reject);
      chunked.write(most);
      chunked.write('  '); // never ends: the answer must not wait for it
    });
    expect(status).toBe(413);
  });
});

describe('health', () => {
  it('is ready while every check answers in time', async () => {
    store = () => Promise.resolve();
    expect(await call('GET', '/readyz')).toMatchObject({ status: 200, body: { checks: { store: { status: 'ok' } } } });
    store = () => Promise.reject(new Error('the schema is old'));
    expect(await call('GET', '/readyz')).toMatchObject({
      status: 503,
      body: { checks: { store: { status: 'down', message: 'the schema is old' } } },
    });
    store = () => Promise.resolve('the schema is slow');
    expect(await call('GET', '/readyz')).toMatchObject({
      status: 200,
      body: { status: 'degraded', checks: { store: { status: 'degraded', message: 'the schema is slow' } } },
    });
    store = () => Promise.reject(Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:5432'), { code: 'ECONNREFUSED' }));
    expect((await call('GET', '/readyz')).body.checks.store.message).toBe('cannot be reached');
    store = () => new Promise(() => {});
    expect((await call('GET', '/readyz')).status).toBe(503);
    expect((await call('GET', '/healthz')).status).toBe(200);
  });

  it('shows metrics', async () => {
    const answer = await call('GET', '/metrics');
    expect(answer.type).toMatch(/^text\/plain/);
    expect(answer.body).toContain('process_cpu_seconds_total');
  });

  it('counts what was answered with 500 or more, by its code', async () => {
    const count = async () => {
      const [, found = '0'] =
        /^sluice_http_failures_total\{status="500",code="internal_error"\} (\d+)$/m.exec((await call('GET', '/metrics')).body) ?? [];
      return Number(found);
    };
    const before = await count();
    await call('GET', '/api/things/bug');
    await call('GET', '/api/things/archived');
    expect(await count()).toBe(before + 1);
  });
});

describe('T-22 what operators alone need', () => {
  const statusOf = async (url: string, remoteAddress: string, headers: Record<string, string> = {}) =>
    (await app.inject({ url, remoteAddress, headers: { host: 'localhost', ...headers } })).statusCode;
  const surfaces = ['/metrics', '/api/docs', '/api/docs-json', '/api/docs-yaml', '/api/docs/swagger-ui.css'];

  it('is there for this machine, and not for anybody else', async () => {
    for (const url of surfaces) {
      expect([url, await statusOf(url, '127.0.0.1'), await statusOf(url, '::ffff:127.0.0.1')]).toEqual([url, 200, 200]);
      expect([url, await statusOf(url, '10.0.0.7'), await statusOf(url, '::ffff:192.0.2.1')]).toEqual([url, 404, 404]);
      expect([url, await statusOf(url, '127.0.0.1', { host: 'sluice.example.com' })]).toEqual([url, 404]);
      for (const header of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip']) {
        expect([url, header, await statusOf(url, '127.0.0.1', { [header]: '127.0.0.1' })]).toEqual([url, header, 404]);
      }
    }
    const told = async (url: string) => {
      const { body, headers } = await app.inject({ url, remoteAddress: '10.0.0.7' });
      return [JSON.parse(body.replaceAll(url, '<url>')).detail, headers['content-type'], Object.keys(headers)];
    };
    expect(await told('/metrics')).toEqual(await told('/nothing'));
  });

  it('is never mistaken for what must be there: probes come from anywhere', async () => {
    store = () => Promise.resolve();
    expect(await statusOf('/healthz', '10.0.0.7')).toBe(200);
    expect(await statusOf('/readyz', '10.0.0.7')).toBe(200);
  });

  it.each(['open', 'off'] as const)('follows the configuration: %s', async (how) => {
    const other = await createHttpApp(TestModule, {
      logger: createLogger('test', 'silent'),
      http: { exposed: { metrics: how, docs: how }, trustedProxies: [], requestsPerMinute: 60_000 },
      openApi: { title: 'Things', description: 'of a test' },
    });
    await other.init();
    await other.getHttpAdapter().getInstance().ready();
    const expected = how === 'open' ? 200 : 404;
    for (const url of surfaces) {
      expect([url, (await other.inject({ url, remoteAddress: '10.0.0.7' })).statusCode]).toEqual([url, expected]);
      expect([url, (await other.inject({ url, remoteAddress: '127.0.0.1' })).statusCode]).toEqual([url, expected]);
    }
    await other.close();
  });
});

it('documents itself', async () => {
  const { body } = await call('GET', '/api/docs-json');
  expect(Object.keys(body.paths)).toContain('/api/things/{id}');
  expect((await call('GET', '/api/docs')).status).toBe(200);
});
