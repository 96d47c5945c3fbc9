import { isIP } from 'node:net';
import { NotFoundException } from '@nestjs/common';
import type { HttpConfig } from '@sluice/platform-config';
import type { FastifyInstance, FastifyRequest } from 'fastify';

type Exposed = HttpConfig['exposed'];

/**
 * What operators alone need, figures and API pages, is there for this machine alone unless the configuration opens it; to everybody
 * else it does not exist. `/healthz` and `/readyz` stay open: whoever probes comes from elsewhere.
 */
export function hideSurfaces(fastify: FastifyInstance, exposed: Exposed): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    const surface = surfaceOf(request.routeOptions.url ?? '');
    const isShown = surface === undefined || exposed[surface] === 'open' || (exposed[surface] === 'loopback' && isLocal(request));
    done(isShown ? undefined : new NotFoundException(`Cannot ${request.method} ${request.url}`));
  });
}

/** By the route that was matched, not by the address as it was written. */
function surfaceOf(route: string): keyof Exposed | undefined {
  if (/^\/metrics\/?$/.test(route)) return 'metrics';
  return /^\/api\/docs([/-]|$)/.test(route) ? 'docs' : undefined;
}

const signsOfProxy = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip'];

/** From a loopback address, to a loopback name, and not handed on by a proxy that says so. */
function isLocal({ raw, headers }: FastifyRequest): boolean {
  const host = URL.parse(`http://${headers.host ?? ''}`)?.hostname.replace(/^\[|\]$/g, '') ?? '';
  return (
    isLoopback(raw.socket.remoteAddress ?? '') &&
    (host === 'localhost' || isLoopback(host)) &&
    !signsOfProxy.some((name) => name in headers)
  );
}

const isLoopback = (address: string): boolean => isIP(address) !== 0 && (address === '::1' || /^(::ffff:)?127\./i.test(address));
