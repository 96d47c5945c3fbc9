import { Controller, Get, Injectable, Module, Req } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { newId } from '@sluice/kernel';
import { RatesModule } from '@sluice/platform-rates';
import { createLogger } from '@sluice/platform-telemetry';
import type { FastifyRequest } from 'fastify';
import { Allow, Authenticator, type Caller, createHttpApp, Public } from './index.js';

const tenantId = newId();

/** Each bearer is a key of its own. */
@Injectable()
class AnyKey extends Authenticator {
  authenticate(bearer: string): Promise<Caller | undefined> {
    return Promise.resolve(bearer === 'unknown' ? undefined : { tenantId, userId: `key:${bearer}`, role: 'viewer' });
  }
}

@Controller('edge')
class EdgeController {
  @Get('address')
  @Public()
  address(@Req() { ip }: FastifyRequest) {
    return { ip };
  }

  @Get('things')
  @Allow('viewer')
  things() {
    return [];
  }
}

@Module({ imports: [RatesModule.forRoot({ redisUrl: undefined })], controllers: [EdgeController], providers: [AnyKey] })
class EdgeModule {}

let app: NestFastifyApplication;
beforeAll(async () => {
  app = await createHttpApp(EdgeModule, {
    logger: createLogger('test', 'silent'),
    authenticator: AnyKey,
    http: { exposed: { metrics: 'off', docs: 'off' }, trustedProxies: ['10.0.0.0/8', '2001:db8::7'], requestsPerMinute: 5 },
  });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
});
afterAll(() => app.close());

const said = '203.0.113.7';
it.each([
  ['nobody', '198.51.100.1', said, '198.51.100.1'],
  ['a proxy that is named', '10.1.2.3', said, said],
  ['one that is named by its address', '2001:db8::7', said, said],
  ['a named one that repeats what a caller made up', '10.1.2.3', `192.0.2.1, ${said}`, said],
  ['two named ones', '10.1.2.3', `${said}, 10.9.9.9`, said],
])('T-13 believes %s about the address of a caller', async (_who, remoteAddress, forwarded, ip) => {
  const { payload } = await app.inject({ url: '/edge/address', remoteAddress, headers: { 'x-forwarded-for': forwarded } });
  expect(JSON.parse(payload)).toEqual({ ip });
});

it('T-13 a credential that asks too often is told when to come again, whatever it claims; another one is heard', async () => {
  const ask = async (key: string, headers = {}) => {
    const answer = await app.inject({ url: '/edge/things', headers: { authorization: `Bearer ${key}`, ...headers } });
    return { status: answer.statusCode, retryAfter: Number(answer.headers['retry-after']), body: JSON.parse(answer.payload) };
  };
  for (let n = 0; n < 5; n += 1) expect((await ask('a', { 'x-forwarded-for': `203.0.113.${n}` })).status).toBe(200);
  const refused = await ask('a', { 'x-forwarded-for': '203.0.113.99' });
  expect(refused).toMatchObject({ status: 429, body: { type: '/problems/requests_too_many' } });
  expect(refused.retryAfter).toBeGreaterThan(0);
  expect((await ask('b')).status).toBe(200);
  for (let n = 0; n < 10; n += 1) expect((await ask('unknown')).status).toBe(401);
});
