import { DomainError, isUuid, PLATFORM_TENANT_ID } from '@sluice/kernel';
import type { JwtConfig } from '@sluice/platform-config';
import type { Logger } from '@sluice/platform-telemetry';
import type { Role } from '@sluice/tenancy-domain';
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify, type ProtectedHeaderParameters } from 'jose';
import type { Caller } from './auth.js';
import { type KeyTimes, PublishedKeys } from './published-keys.js';

/** The same for a claim that is absent, malformed or names nobody. */
export class TokenNamesNoTenant extends DomainError {
  constructor() {
    super('forbidden', 'token_names_no_tenant', 'This token is genuine, but names no tenant of this installation (JWT_TENANT_CLAIM).');
  }
}

export class TokenNamesNoRole extends DomainError {
  constructor() {
    const known = 'viewer, editor, operator or admin';
    super('forbidden', 'token_names_no_role', `This token is genuine, but its role (JWT_ROLE_CLAIM) is not ${known}.`);
  }
}

const clockToleranceSeconds = 5;
/** A token crosses no tenants: the role `platform` comes with API keys alone. */
const rolesOfTokens: readonly Role[] = ['viewer', 'editor', 'operator', 'admin'];
/** Tokens that are no user's: Supabase's own keys are JWTs of the same issuer and secret. */
const keysOfSupabase: readonly unknown[] = ['service_role', 'anon', 'supabase_admin'];
/** Headers that offer a key; nobody honest sends them. */
const keysInHeader = ['jku', 'jwk', 'x5u', 'x5c'];
const subjectFormat = /^[\x21-\x7e]{1,128}$/;

/** JWTs of one issuer. Which keys and algorithms count is settled by the configuration before any token is seen (RFC 8725). */
export class TokenReader {
  private readonly verify: (token: string, header: ProtectedHeaderParameters) => Promise<JWTPayload | undefined>;

  constructor(
    private readonly config: JwtConfig,
    logger: Logger,
    times?: Partial<KeyTimes>,
  ) {
    const { keys } = config;
    this.verify = keys.kind === 'shared' ? this.bySecret(keys.secret) : this.byPublishedKeys(new PublishedKeys(keys.url, logger, times));
  }

  /** Three parts, the first one a JSON object. API keys made here never look so. */
  static isToken(bearer: string): boolean {
    return /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/.test(bearer);
  }

  /** Undefined: not to be believed. Throws for a genuine token that opens nothing here. */
  async read(token: string): Promise<Caller | undefined> {
    const claims = await this.claimsOf(token);
    if (claims === undefined || !isAccessOfUser(claims)) return undefined;
    const tenantId = claimAt(claims, this.config.tenantClaim);
    if (!isUuid(tenantId) || tenantId === PLATFORM_TENANT_ID) throw new TokenNamesNoTenant();
    const named = claimAt(claims, this.config.roleClaim);
    const role = rolesOfTokens.find((known) => known === named);
    if (role === undefined) throw new TokenNamesNoRole();
    return { tenantId: tenantId.toLowerCase(), userId: `user:${claims.sub}`, role };
  }

  private async claimsOf(token: string): Promise<JWTPayload | undefined> {
    try {
      const header = decodeProtectedHeader(token);
      const typ = header.typ?.toLowerCase() ?? 'jwt';
      if (keysInHeader.some((name) => name in header) || !/^(application\/)?(at\+)?jwt$/.test(typ)) return undefined;
      return await this.verify(token, header);
    } catch (error) {
      // jose says what it cannot decode by a TypeError.
      if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined;
      throw error;
    }
  }

  private bySecret(secret: Uint8Array) {
    return async (token: string) => (await jwtVerify(token, secret, this.demands('HS256'))).payload;
  }

  private byPublishedKeys(keys: PublishedKeys) {
    return async (token: string, { kid, alg }: ProtectedHeaderParameters) => {
      // Before anything is fetched for its sake.
      if (typeof kid !== 'string' || (alg !== 'ES256' && alg !== 'RS256' && alg !== 'EdDSA')) return undefined;
      const found = await keys.find(kid);
      return found === undefined ? undefined : (await jwtVerify(token, found.key, this.demands(found.algorithm))).payload;
    };
  }

  private demands(algorithm: string) {
    const { issuer, audience } = this.config;
    return { algorithms: [algorithm], issuer, audience, requiredClaims: ['exp', 'sub'], clockTolerance: clockToleranceSeconds };
  }
}

/** For one audience alone, of a person, and made for calls: neither a refresh token nor an ID token of an issuer that says so. */
function isAccessOfUser({ aud, sub, typ, token_use: use, role }: JWTPayload): boolean {
  const isAccess = (typ === undefined || /^(bearer|(at\+)?jwt)$/i.test(String(typ))) && (use === undefined || use === 'access');
  return typeof aud === 'string' && typeof sub === 'string' && subjectFormat.test(sub) && isAccess && !keysOfSupabase.includes(role);
}

/** By its whole name (`https://example.com/tenant`), else by the path (`app_metadata.tenant_id`). */
function claimAt(claims: JWTPayload, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  return path
    .split('.')
    .reduce<unknown>((value, name) => (isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined), claims);
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
