/** What the value of a header may be, for schemas and calls alike: line breaks would smuggle in headers of their own, the rest is what HTTP/1.1 can carry. */
export const HEADER_VALUE = '^[\\t\\x20-\\x7e\\x80-\\xff]*$';

/** They belong to the connection, or say who is asked: the URL alone decides that. */
const connectionHeaders: readonly string[] = [
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** Why a request cannot carry this header, whatever its value. */
export const requestHeaderProblem = (name: string): string | undefined =>
  connectionHeaders.includes(name.toLowerCase()) ? 'cannot be set: it follows from the URL and the connection' : undefined;
