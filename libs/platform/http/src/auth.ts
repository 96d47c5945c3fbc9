import {
  applyDecorators,
  type CanActivate,
  createParamDecorator,
  type CustomDecorator,
  type ExecutionContext,
  SetMetadata,
} from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import { ApiBearerAuth } from '@nestjs/swagger';
import { DomainError, isJsonObject, isUuid } from '@sluice/kernel';
import type { Role } from '@sluice/tenancy-domain';
import type { FastifyRequest } from 'fastify';
import { correlationOf } from './correlation.js';

/** Who calls, on whose behalf. With a platform key `tenantId` is the tenant that the call names. */
export interface Caller {
  readonly tenantId: string;
  /** For the record: `key:<id>` */
  readonly userId: string;
  readonly role: Role;
}

/** Knows credentials. An app has one: command-api's looks in the command store, query-api's in the query store. */
export abstract class Authenticator {
  /** Whose credential this is; undefined: unknown, expired or revoked. For a platform key `tenantId` is PLATFORM_TENANT_ID. */
  abstract authenticate(bearer: string): Promise<Caller | undefined>;

  /** Asked when a platform key names a tenant. Where nothing is written an unknown tenant is just an empty one. */
  tenantExists(_tenantId: string): Promise<boolean> {
    return Promise.resolve(true);
  }
}

export class CredentialIsMissing extends DomainError {
  constructor() {
    super('unauthenticated', 'credential_is_missing', 'Send `Authorization: Bearer <API key>`.');
  }
}

export class CredentialIsInvalid extends DomainError {
  constructor() {
    super('unauthenticated', 'credential_is_invalid', 'This API key is unknown, expired or revoked.');
  }
}

export class RoleIsInsufficient extends DomainError {
  constructor(needed: Role, has: Role) {
    super('forbidden', 'role_is_insufficient', `This call needs the role ${needed}; the key has ${has}.`);
  }
}

/** The same whether the named tenant exists or not. */
export class TenantIsForeign extends DomainError {
  constructor() {
    super('forbidden', 'tenant_is_foreign', 'The tenantId in the request is not the one that the credential belongs to.');
  }
}

export class TenantIsRequired extends DomainError {
  constructor() {
    super('malformed', 'tenant_is_required', 'A platform key acts for a tenant: name it as `tenantId` in the query or the body.', {
      errors: [{ path: 'tenantId', message: 'tenantId must be given with a platform key' }],
    });
  }
}

export class TenantNotFound extends DomainError {
  constructor(tenantId: string) {
    super('not_found', 'tenant_not_found', `There is no tenant ${tenantId}.`);
  }
}

const roleKey = 'sluice:role';
const publicRole = 'public';

/** Who may call a route. Each role may do what the ones before it may: viewer, editor, operator, admin; `platform` acts for any tenant. */
export const Allow = (role: Role) => applyDecorators(SetMetadata(roleKey, role), ApiBearerAuth());

/** No credential at all: health, and webhooks, which are signed instead. */
export const Public = (): CustomDecorator => SetMetadata(roleKey, publicRole);

const callers = new WeakMap<object, Caller>();

export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  const caller = callers.get(context.switchToHttp().getRequest<FastifyRequest>().raw);
  if (caller === undefined) throw new CredentialIsMissing();
  return caller;
});

const rank: Readonly<Record<Role, number>> = { viewer: 0, editor: 1, operator: 2, admin: 3, platform: 4 };

/** Stands before every route; one that says neither `@Allow` nor `@Public` is closed. */
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator | undefined,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const needed = this.reflector.getAllAndOverride<Role | typeof publicRole | undefined>(roleKey, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (needed === publicRole) return true;
    if (needed === undefined) throw new DomainError('forbidden', 'route_is_closed', 'This route is not open to anybody.');

    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const known = await this.identify(request);
    const named = takeNamedTenant(request);
    if (rank[known.role] < rank[needed]) throw new RoleIsInsufficient(needed, known.role);
    const caller = needed === 'platform' ? known : await this.inTenant(known, named);
    correlationOf(request).tenantId = caller.tenantId;
    callers.set(request.raw, caller);
    return true;
  }

  private async identify({ headers }: FastifyRequest): Promise<Caller> {
    const { authorization } = headers;
    if (authorization === undefined || this.authenticator === undefined) throw new CredentialIsMissing();
    const [, bearer] = /^Bearer +([\x21-\x7e]{1,4096})$/i.exec(authorization) ?? [];
    const caller = bearer === undefined ? undefined : await this.authenticator.authenticate(bearer);
    if (caller === undefined) throw new CredentialIsInvalid();
    return caller;
  }

  private async inTenant(caller: Caller, named: readonly unknown[]): Promise<Caller> {
    const [first] = named;
    if (named.some((tenantId) => tenantId !== first)) throw new TenantIsForeign();
    if (caller.role !== 'platform') {
      if (first !== undefined && first !== caller.tenantId) throw new TenantIsForeign();
      return caller;
    }
    if (first === undefined) throw new TenantIsRequired();
    if (!isUuid(first) || !(await this.authenticator?.tenantExists(first))) throw new TenantNotFound(String(first));
    return { ...caller, tenantId: first };
  }
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
