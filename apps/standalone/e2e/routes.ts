import { RequestMethod } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { roleOf } from '@sluice/platform-http';
import type { AppName, StartedApp } from './five-apps.js';

export interface Route {
  readonly app: AppName;
  readonly method: string;
  /** As the router has it: `/api/workflows/:id` */
  readonly path: string;
  /** What its decorator says; undefined: it has none, or no controller answers it. */
  readonly role: ReturnType<typeof roleOf>;
}

export const nameOf = ({ method, path }: Pick<Route, 'method' | 'path'>): string => `${method} ${path}`;

/** Every route that Fastify's router knows, with the role by reflection. HEAD and OPTIONS, which come with others, are left out. */
export function routesOf(app: AppName, { nest }: StartedApp): Route[] {
  const roles = rolesOf(nest.get(ModulesContainer));
  return routerOf(nest.getHttpAdapter().getInstance().printRoutes()).map((route) => ({ app, ...route, role: roles.get(nameOf(route)) }));
}

/** Fastify draws its tree: each line adds to what the line it hangs from says. */
function routerOf(tree: string): { method: string; path: string }[] {
  const above: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const [, indent, part, methods] = /^((?:[│ ] {3})*)[├└]── (.*?)(?: \(([A-Z, ]+)\))?$/.exec(line) ?? [];
    if (indent === undefined || part === undefined) return [];
    const path = (above[indent.length / 4 - 1] ?? '') + part;
    above.splice(indent.length / 4, above.length, path);
    return (methods?.split(', ') ?? []).filter((method) => method !== 'HEAD' && method !== 'OPTIONS').map((method) => ({ method, path }));
  });
}

function rolesOf(modules: ModulesContainer): Map<string, Route['role']> {
  const controllers = [...modules.values()].flatMap((module) => [...module.controllers.keys()]);
  return new Map(
    controllers
      .filter((controller) => typeof controller === 'function')
      .flatMap((controller) =>
        Object.values(Object.getOwnPropertyDescriptors(controller.prototype)).flatMap(({ value: handler }) => {
          if (typeof handler !== 'function' || !Reflect.hasMetadata('method', handler)) return [];
          const method = RequestMethod[Reflect.getMetadata('method', handler)] ?? '';
          const path = `/${Reflect.getMetadata('path', controller)}/${Reflect.getMetadata('path', handler)}`;
          return [[nameOf({ method, path: path.replaceAll(/\/+/g, '/').replace(/(?<=.)\/$/, '') }), roleOf(handler, controller)] as const];
        }),
      ),
  );
}

/** What the document of an API describes, written as the router does. */
export async function documentedBy({ url }: StartedApp): Promise<string[]> {
  const response = await fetch(`${url}/api/docs-json`, { headers: { connection: 'close' } });
  const document: { paths: Record<string, Record<string, unknown>> } = JSON.parse(await response.text());
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => nameOf({ method: method.toUpperCase(), path: path.replaceAll(/\{(\w+)\}/g, ':$1') })),
  );
}
