import {
  applyDecorators,
  type CanActivate,
  createParamDecorator,
  type CustomDecorator,
  type ExecutionContext,
  SetMetadata,
} from '@nestjs/common';
import { ApiBearerAuth, ApiExtension } from '@nestjs/swagger';
import { DomainError, isJsonObject, isUuid } from '@sluice/kernel';
import { sourceOf } from '@sluice/platform-rates';
import type { Role } from '@sluice/tenancy-domain';
import type { FastifyRequest } from 'fastify';
import { correlationOf } from './correlation.js';
import type { RequestCeiling } from './request-ceiling.js';
import { TokenNamesNoTenant, TokenReader } from './token-reader.js';

/** Who calls, on whose behalf. With a platform key `tenantId` is the tenant that the call names. */
export interface Caller {
  readonly tenantId: string;
  /** For the record: `key:<id>`, or `user:<sub>` of a JWT */
  readonly userId: string;
  readonly role: Role;
}

/** Knows API keys. An app has one: command-api's looks in the command store, query-api's in the query store. */
export abstract class Authenticator {
  /**
   * Whose credential this is; undefined: unknown, expired or revoked. For a platform key `tenantId` is PLATFORM_TENANT_ID.
   * @param from whom the call is counted under while nobody knows
   */
  abstract authenticate(bearer: string, from: string): Promise<Caller | undefined>;

  /** Asked when a platform key or a JWT names a tenant. Where nothing is written an unknown tenant is just an empty one. */
  tenantExists(_tenantId: string): Promise<boolean> {
    return Promise.resolve(true);
  }
}

export class CredentialIsMissing extends DomainError {
  constructor() {
    super('unauthenticated', 'credential_is_missing', 'Send `Authorization: Bearer <API key or JWT>`.');
  }
}

export class CredentialIsInvalid extends DomainError {
  constructor() {
    super('unauthenticated', 'credential_is_invalid', 'This API key or token is unknown, expired or revoked.');
  }
}

export class RoleIsInsufficient extends DomainError {
  constructor(needed: Role, has: Role) {
    super('forbidden', 'role_is_insufficient', `This call needs the role ${needed}; the credential has ${has}.`);
  }
}

export class TenantIsRequired extends DomainError {
  constructor() {
    super('malformed', 'tenant_is_required', 'A platform key acts for a tenant: name it once, as `tenantId` in the query or the body.', {
      errors: [{ path: 'tenantId', message: 'tenantId must be given with a platform key, and name one tenant' }],
    });
  }
}

/** A tenant other than the caller's is not there, whether it exists or not. */
export class TenantNotFound extends DomainError {
  constructor(named: unknown) {
    super('not_found', 'tenant_not_found', isUuid(named) ? `There is no tenant ${named}.` : 'A tenantId is a UUID.');
  }
}

const roleKey = 'sluice:role';
const publicRole = 'public';

/** Who may call a route. Each role may do what the ones before it may: viewer, editor, operator, admin; `platform` acts for any tenant. */
export const Allow = (role: Role) => applyDecorators(SetMetadata(roleKey, role), ApiBearerAuth(), ApiExtension('x-required-role', role));

/** No credential at all: health, and webhooks, which are signed instead. */
export const Public = (): CustomDecorator => SetMetadata(roleKey, publicRole);

/** What a route's decorators say of it; undefined: closed. */
export const roleOf = (handler: object, controller: object): Role | typeof publicRole | undefined =>
  Reflect.getMetadata(roleKey, handler) ?? Reflect.getMetadata(roleKey, controller);

const callers = new WeakMap<object, Caller>();

/** Known after the guard; undefined on public routes. */
export const callerOf = ({ raw }: Pick<FastifyRequest, 'raw'>): Caller | undefined => callers.get(raw);

export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  const caller = callerOf(context.switchToHttp().getRequest<FastifyRequest>());
  if (caller === undefined) throw new CredentialIsMissing();
  return caller;
});

const rank: Readonly<Record<Role, number>> = { viewer: 0, editor: 1, operator: 2, admin: 3, platform: 4 };

/** Stands before every route; one that says neither `@Allow` nor `@Public` is closed. */
export class AuthGuard implements CanActivate {
  constructor(
    private readonly authenticator: Authenticator | undefined,
    private readonly tokens: TokenReader | undefined,
    private readonly ceiling: RequestCeiling | undefined,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const needed = roleOf(context.getHandler(), context.getClass());
    if (needed === publicRole) return true;
    if (needed === undefined) throw new DomainError('forbidden', 'route_is_closed', 'This route is not open to anybody.');

    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const known = await this.identify(request);
    this.ceiling?.pass(known);
    const named = takeNamedTenant(request);
    // Before the role: what is not there has no roles.
    if (known.role !== 'platform') refuseForeign(named, known);
    if (rank[known.role] < rank[needed]) throw new RoleIsInsufficient(needed, known.role);
    const caller = needed === 'platform' || known.role !== 'platform' ? known : await this.inTenant(known, named);
    correlationOf(request).tenantId = caller.tenantId;
    callers.set(request.raw, caller);
    return true;
  }

  private async identify({ headers, ip }: FastifyRequest): Promise<Caller> {
    const { authorization } = headers;
    if (authorization === undefined || this.authenticator === undefined) throw new CredentialIsMissing();
    const [, bearer] = /^Bearer +([\x21-\x7e]{1,8192})$/i.exec(authorization) ?? [];
    const caller = bearer === undefined ? undefined : await this.recognise(bearer, sourceOf(ip), this.authenticator);
    if (caller === undefined) throw new CredentialIsInvalid();
    return caller;
  }

  private async recognise(bearer: string, from: string, authenticator: Authenticator): Promise<Caller | undefined> {
    if (this.tokens === undefined || !TokenReader.isToken(bearer)) return authenticator.authenticate(bearer, from);
    const caller = await this.tokens.read(bearer);
    if (caller !== undefined && !(await authenticator.tenantExists(caller.tenantId))) throw new TokenNamesNoTenant();
    return caller;
  }

  private async inTenant(caller: Caller, named: readonly unknown[]): Promise<Caller> {
    const [first] = named;
    if (first === undefined || named.some((tenantId) => tenantId !== first)) throw new TenantIsRequired();
    if (!isUuid(first) || !(await this.authenticator?.tenantExists(first))) throw new TenantNotFound(first);
    return { ...caller, tenantId: first };
  }
}

function refuseForeign(named: readonly unknown[], { tenantId }: Caller): void {
  const foreign = named.find((one) => one !== tenantId);
  if (foreign !== undefined) throw new TenantNotFound(foreign);
}

/**
 * The `tenantId`s that query and body name. They are taken out, so that no handler can act on a tenant other than the caller's
 * and no class of a body or query needs to declare one.
 */
function takeNamedTenant(request: FastifyRequest): unknown[] {
  return [request.query, request.body].filter(isRecord).flatMap((part) => {
    const { tenantId } = part;
    delete part['tenantId'];
    if (tenantId === undefined || tenantId === null) return [];
    return [typeof tenantId === 'string' ? tenantId.toLowerCase() : tenantId];
  });
}

const isRecord = (value: unknown): value is Record<string, unknown> => isJsonObject(value) && !Buffer.isBuffer(value);
