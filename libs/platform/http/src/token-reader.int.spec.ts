import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { createLogger } from '@sluice/platform-telemetry';
import {
  base64url,
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from 'jose';
import type { KeyTimes } from './published-keys.js';
import { TokenReader } from './token-reader.js';

const logger = createLogger('test', 'silent');
const tenantId = '018f3b5e-0000-7000-8000-00000000000a';
const claims = { tenantClaim: 'app_metadata.tenant_id', roleClaim: 'app_metadata.sluice_role' };
const issuer = 'https://project.supabase.co/auth/v1';
const audience = 'authenticated';
const seconds = (fromNow: number) => Math.floor(Date.now() / 1_000) + fromNow;
const valid = (): JWTPayload => ({
  iss: issuer,
  aud: audience,
  sub: 'ada',
  exp: seconds(60),
  role: 'authenticated',
  app_metadata: { tenant_id: tenantId, sluice_role: 'editor' },
});
const ada = { tenantId, userId: 'user:ada', role: 'editor' };

type Signing = Awaited<ReturnType<typeof generateKeyPair>>;
let es: Signing;
let rsa: Signing;
let ed: Signing;
let published: JWK[];

/** The issuer: what it answers, and how often it was asked for what. */
let issuerServer: Server;
let answers: () => { status?: number; body: string; headers?: Record<string, string>; afterMs?: number };
let asked: string[];
let url: string;

beforeAll(async () => {
  const newKeys = (alg: string) => generateKeyPair(alg, { extractable: true });
  [es, rsa, ed] = await Promise.all([newKeys('ES256'), newKeys('RS256'), newKeys('EdDSA')]);
  published = [
    { ...(await exportJWK(es.publicKey)), kid: 'es', alg: 'ES256', use: 'sig' },
    { ...(await exportJWK(rsa.publicKey)), kid: 'rsa', use: 'sig' },
    { ...(await exportJWK(ed.publicKey)), kid: 'ed', key_ops: ['verify'] },
  ];
  issuerServer = createServer((request, response) => {
    asked.push(request.url ?? '');
    const { status = 200, body, headers, afterMs = 0 } = answers();
    setTimeout(() => response.writeHead(status, headers).end(body), afterMs).unref();
  });
  await new Promise<void>((resolve) => issuerServer.listen(0, '127.0.0.1', resolve));
  const address = issuerServer.address();
  url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
});
afterAll(async () => {
  issuerServer.closeAllConnections();
  await new Promise((resolve) => issuerServer.close(resolve));
});
beforeEach(() => {
  asked = [];
  answers = () => ({ body: JSON.stringify({ keys: published }) });
});

const readerOf = (times?: Partial<KeyTimes>) =>
  new TokenReader({ keys: { kind: 'published', url: `${url}/jwks` }, issuer, audience, ...claims }, logger, times);
const sharedReader = (secret: Uint8Array) => new TokenReader({ keys: { kind: 'shared', secret }, issuer, audience, ...claims }, logger);
const sign = (payload: JWTPayload, header: Partial<JWTHeaderParameters> = {}, key: CryptoKey | Uint8Array = es.privateKey) =>
  new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'es', ...header }).sign(key);
const json = (value: unknown) => base64url.encode(JSON.stringify(value));

it('T-07 reads tokens by each of the pinned algorithms', async () => {
  const reader = readerOf();
  expect(await reader.read(await sign(valid()))).toEqual(ada);
  expect(await reader.read(await sign(valid(), { alg: 'RS256', kid: 'rsa' }, rsa.privateKey))).toEqual(ada);
  expect(await reader.read(await sign(valid(), { alg: 'EdDSA', kid: 'ed' }, ed.privateKey))).toEqual(ada);
  expect(await reader.read(await sign(valid(), { typ: 'at+jwt' }))).toEqual(ada);
  expect(asked).toEqual(['/jwks']);
});

describe('T-07 refuses a token whose claims', () => {
  const { exp: _, ...withoutExp } = valid();
  it.each<[string, JWTPayload]>([
    ['say that it is over', { ...valid(), exp: seconds(-30) }],
    ['do not say when it is over', withoutExp],
    ['say when it is over in words', { ...valid(), ...JSON.parse('{"exp":"tomorrow"}') }],
    ['say that it begins later', { ...valid(), nbf: seconds(60) }],
    ['name another issuer', { ...valid(), iss: `${issuer}/` }],
    ['name no issuer', { ...valid(), iss: undefined }],
    ['name another audience', { ...valid(), aud: 'anon' }],
    ['name no audience', { ...valid(), aud: undefined }],
    ['name several audiences', { ...valid(), aud: [audience, 'other'] }],
    ['name its audience in a list', { ...valid(), aud: [audience] }],
    ['name nobody', { ...valid(), sub: undefined }],
    ['name somebody unspeakable', { ...valid(), sub: 'ada\nkey:1' }],
    ['say that it is for refreshing', { ...valid(), typ: 'Refresh' }],
    ['say that it is for refreshing offline', { ...valid(), typ: 'Offline' }],
    ['say that it identifies', { ...valid(), token_use: 'id' }],
  ])('%s', async (_name, payload) => {
    expect(await readerOf().read(await sign(payload))).toBeUndefined();
  });

  it('were edited: the tenant is another one', async () => {
    const [header, , signature] = (await sign(valid())).split('.');
    const edited = { ...valid(), app_metadata: { tenant_id: '018f3b5e-0000-7000-8000-00000000000b', sluice_role: 'admin' } };
    expect(await readerOf().read(`${header}.${json(edited)}.${signature}`)).toBeUndefined();
  });
});

describe('T-07 refuses a token whose header', () => {
  it.each<[string, Partial<JWTHeaderParameters>]>([
    ['names a key that is not published', { kid: 'other' }],
    ['names no key', { kid: undefined }],
    ['names the key of another algorithm', { kid: 'rsa' }],
    ['says where to find the key', { jku: 'http://attacker.example/jwks' }],
    ['brings the key', { jwk: {} }],
    ['brings a certificate', { x5c: ['MIIB'] }],
    ['says where to find a certificate', { x5u: 'http://attacker.example/cert' }],
    ['says that it identifies', { typ: 'id_token' }],
  ])('%s', async (_name, header) => {
    expect(await readerOf().read(await sign(valid(), header))).toBeUndefined();
    expect(asked.every((path) => path === '/jwks')).toBe(true);
  });

  it('says that it is not signed', async () => {
    const reader = readerOf();
    for (const alg of ['none', 'None', 'NONE']) {
      expect(await reader.read(`${json({ alg, kid: 'es' })}.${json(valid())}.`)).toBeUndefined();
    }
    expect(asked).toEqual([]);
  });

  it('says HS256, signed with the public key', async () => {
    const reader = readerOf();
    for (const secret of [await exportSPKI(rsa.publicKey), JSON.stringify(published[1]), published[1]?.n ?? '']) {
      const key = new TextEncoder().encode(secret);
      expect(await reader.read(await sign(valid(), { alg: 'HS256', kid: 'rsa' }, key))).toBeUndefined();
    }
  });

  it('offers its own key, which is signed right', async () => {
    const own = await generateKeyPair('ES256', { extractable: true });
    const jwk = { ...(await exportJWK(own.publicKey)), kid: 'es' };
    expect(await readerOf().read(await sign(valid(), { jwk }, own.privateKey))).toBeUndefined();
    expect(await readerOf().read(await sign(valid(), {}, own.privateKey))).toBeUndefined();
  });

  it('demands what nobody here knows', async () => {
    const signing = new SignJWT(valid()).setProtectedHeader({ alg: 'ES256', kid: 'es', crit: ['urn:new'], 'urn:new': 1 });
    expect(await readerOf().read(await signing.sign(es.privateKey, { crit: { 'urn:new': true } }))).toBeUndefined();
  });

  it('is no header', async () => {
    for (const header of ['eyJ', 'eyJh', json([]), json({ alg: 7 }), json({ alg: 'ES256', kid: 'es' })]) {
      const token = `${header}.e30.x`;
      expect(await readerOf().read(token)).toBeUndefined();
    }
  });
});

describe('T-07 the published keys', () => {
  it('are asked for once per cool-down, however many unknown keys are named', async () => {
    const reader = readerOf();
    const unknown = await Promise.all(Array.from({ length: 100 }, (_, index) => sign(valid(), { kid: `unknown-${index}` })));
    for (let round = 0; round < 10; round += 1) {
      const read = await Promise.all(unknown.map((token) => reader.read(token)));
      expect(read.filter((caller) => caller !== undefined)).toEqual([]);
    }
    expect(asked).toHaveLength(1);
  });

  it('are asked for once per cool-down while the issuer is down', async () => {
    answers = () => ({ status: 503, body: '' });
    const reader = readerOf();
    for (let round = 0; round < 20; round += 1) expect(await reader.read(await sign(valid()))).toBeUndefined();
    expect(asked).toHaveLength(1);
  });

  it('may be rotated: a new one works after the cool-down, a withdrawn one ends', async () => {
    const next = await generateKeyPair('ES256', { extractable: true });
    const nextJwk = { ...(await exportJWK(next.publicKey)), kid: 'next' };
    const reader = readerOf({ coolDownMs: 50, freshMs: 0 });
    const [old, fresh] = [await sign(valid()), await sign(valid(), { kid: 'next' }, next.privateKey)];
    expect(await reader.read(old)).toEqual(ada);
    answers = () => ({ body: JSON.stringify({ keys: [nextJwk] }) });
    expect(await reader.read(fresh)).toBeUndefined();
    await expect(eventually(() => reader.read(fresh))).resolves.toEqual(ada);
    expect(await reader.read(old)).toBeUndefined();
  });

  it('work for a bounded time when the issuer is down', async () => {
    const times = { coolDownMs: 0, freshMs: 0, usableMs: 300 };
    const reader = readerOf(times);
    const token = await sign(valid());
    expect(await reader.read(token)).toEqual(ada);
    answers = () => ({ status: 500, body: '' });
    expect(await reader.read(token)).toEqual(ada);
    await new Promise((resolve) => setTimeout(resolve, times.usableMs + 10));
    expect(await reader.read(token)).toBeUndefined();
  });

  it('are not waited for: known ones work while the issuer is slow', async () => {
    const patient = readerOf({ coolDownMs: 0, freshMs: 0, timeoutMs: 120_000 });
    const impatient = readerOf({ coolDownMs: 0, freshMs: 0, timeoutMs: 100 });
    const token = await sign(valid());
    for (const reader of [patient, impatient]) expect(await reader.read(token)).toEqual(ada);
    answers = () => ({ body: '{}', afterMs: 120_000 });
    // Whoever waited for it would be here longer than a test may take.
    expect(await patient.read(token)).toEqual(ada);
    expect(await impatient.read(await sign(valid(), { kid: 'unknown' }))).toBeUndefined();
  });

  const secretKey: JWK = { kty: 'oct', k: base64url.encode(randomBytes(32)), kid: 'es', alg: 'HS256' };
  it.each<[string, () => ReturnType<typeof answers>]>([
    ['no JSON', () => ({ body: '<html>' })],
    ['no keys', () => ({ body: '{"keys":{}}' })],
    ['junk for keys', () => ({ body: '{"keys":[null,1,"es",[],{"kid":"es"},{"kid":"es","kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}' })],
    ['a secret', () => ({ body: JSON.stringify({ keys: [secretKey] }) })],
    ['a key for another use', () => ({ body: JSON.stringify({ keys: [{ ...published[0], use: 'enc' }] }) })],
    ['a key for another algorithm', () => ({ body: JSON.stringify({ keys: [{ ...published[0], alg: 'ES512' }] }) })],
    ['a way to elsewhere', () => ({ status: 302, headers: { location: `${url}/elsewhere` }, body: '' })],
    ['without end', () => ({ body: `{"keys":["${'x'.repeat(300_000)}"]}` })],
  ])('are not believed when the answer is %s', async (_name, hostile) => {
    answers = hostile;
    expect(await readerOf().read(await sign(valid()))).toBeUndefined();
    expect(await readerOf().read(await sign(valid(), { alg: 'HS256' }, base64url.decode(secretKey.k ?? '')))).toBeUndefined();
    expect(asked).not.toContain('/elsewhere');
  });

  it('must be strong', async () => {
    const weak = { kty: 'RSA', kid: 'weak', n: base64url.encode(randomBytes(128)), e: 'AQAB' };
    answers = () => ({ body: JSON.stringify({ keys: [weak] }) });
    expect(await readerOf().read(await sign(valid(), { alg: 'RS256', kid: 'weak' }, rsa.privateKey))).toBeUndefined();
  });
});

describe('the shared secret', () => {
  const secret = new TextEncoder().encode('super-secret-jwt-token-with-at-least-32-characters-long');

  it('reads HS256 and nothing else', async () => {
    const reader = sharedReader(secret);
    expect(await reader.read(await sign(valid(), { alg: 'HS256', typ: 'JWT', kid: undefined }, secret))).toEqual(ada);
    expect(await reader.read(await sign(valid(), { alg: 'HS256' }, randomBytes(32)))).toBeUndefined();
    expect(await reader.read(await sign(valid(), { alg: 'HS512' }, secret))).toBeUndefined();
    expect(await reader.read(await sign(valid()))).toBeUndefined();
    expect(await reader.read(`${json({ alg: 'none' })}.${json(valid())}.`)).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it.each([
    ['service', 'service_role'],
    ['anon', 'anon'],
  ])('T-09 does not make the %s key of Supabase a credential, even one that names a tenant', async (_name, role) => {
    const key = { iss: 'supabase', ref: 'project', role, iat: seconds(-60), exp: seconds(315_360_000) };
    const reader = sharedReader(secret);
    expect(await reader.read(await sign(key, { alg: 'HS256', typ: 'JWT', kid: undefined }, secret))).toBeUndefined();
    expect(await reader.read(await sign({ ...valid(), role }, { alg: 'HS256' }, secret))).toBeUndefined();
  });
});

it('finds a claim by its whole name before it takes it for a path', async () => {
  const config = { keys: { kind: 'published' as const, url: `${url}/jwks` }, issuer, audience };
  const tenantClaim = 'https://sluice.example.com/tenant';
  const reader = new TokenReader({ ...config, tenantClaim, roleClaim: claims.roleClaim }, logger);
  const token = await sign({ ...valid(), app_metadata: { sluice_role: 'editor' }, [tenantClaim]: tenantId });
  expect(await reader.read(token)).toEqual(ada);
  const inherited = new TokenReader({ ...config, tenantClaim: 'app_metadata.tenant_id', roleClaim: 'constructor.name' }, logger);
  await expect(inherited.read(await sign(valid()))).rejects.toThrow('role');
});

async function eventually<T>(read: () => Promise<T | undefined>): Promise<T> {
  for (const deadline = Date.now() + 5_000; Date.now() < deadline; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const found = await read();
    if (found !== undefined) return found;
  }
  throw new Error('nothing came');
}
