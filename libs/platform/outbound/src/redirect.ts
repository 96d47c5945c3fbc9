/** A request as it goes on the wire; header names are lower-case. */
export interface Hop {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** What may go to another origin. Everything else might be a credential under a name nobody knows. */
const portableHeaders = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'content-language',
  'content-type',
  'idempotency-key',
  'user-agent',
]);
const bodyHeaders = new Set(['content-encoding', 'content-language', 'content-location', 'content-type']);

export const isRedirect = (status: number): boolean => [301, 302, 303, 307, 308].includes(status);

/**
 * Where a redirect leads (RFC 9110, and what browsers do): 303 asks for the result with GET, 301 and 302 turn a POST into one,
 * 307 and 308 repeat the request. `undefined` for a step from https down to http that would have carried more than plain headers.
 */
export function redirected(hop: Hop, status: number, target: URL): Hop | undefined {
  const toGet = (status === 303 && hop.method !== 'HEAD') || ((status === 301 || status === 302) && hop.method === 'POST');
  const sameOrigin = target.origin === hop.url.origin;

  const names = Object.keys(hop.headers);
  const dropped = sameOrigin ? [] : names.filter((name) => !portableHeaders.has(name));
  if (hop.url.protocol === 'https:' && target.protocol === 'http:' && dropped.length > 0) return undefined;

  const kept = names.filter((name) => !dropped.includes(name) && !(toGet && bodyHeaders.has(name)));
  const headers = Object.fromEntries(kept.map((name) => [name, hop.headers[name] ?? '']));
  return toGet ? { method: 'GET', url: target, headers } : { ...hop, url: target, headers };
}
