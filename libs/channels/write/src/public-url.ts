/** Where providers reach the gateway, without a slash at the end; undefined: endpoints are answered as paths. */
export const PUBLIC_URL = Symbol('public url');
