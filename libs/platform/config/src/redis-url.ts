export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

/** What a `REDIS_URL` names: one server, one behind sentinels that say which of them it is, or a cluster. */
export interface RedisServers {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  /** The server; the sentinels; some of the cluster's nodes */
  readonly nodes: readonly [RedisNode, ...RedisNode[]];
  /** As the sentinels call it */
  readonly masterName: string | undefined;
  readonly database: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: boolean;
}

const forms = 'redis://host:6379/0, redis+sentinel://host:26379,host:26379/<master name>/0 or redis+cluster://host:6379,host:6379';
const notOne = `must be like ${forms}; rediss for TLS`;
const parts = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^@/?#]+)(?:\/([^?#]*))?$/;
const node = /^(\[[0-9a-f:.]+\]|[^\s:[\]]+)(?::(\d{1,5}))?$/i;

/** `new URL` knows no list of hosts. Throws, in a sentence that goes after the variable's name. */
export function parseRedisUrl(text: string): RedisServers {
  const [, scheme, kind = 'single', username, password, hosts = '', path = ''] = parts.exec(text) ?? [];
  if (scheme === undefined || (kind !== 'single' && kind !== 'sentinel' && kind !== 'cluster')) throw new Error(notOne);
  // What stands before an @ may be a password, and is told to nobody.
  if (path.includes('@')) throw new Error('has a / in its user or password: write it as %2F');
  const [first, ...others] = hosts.split(',').map((host) => nodeOf(host, kind === 'sentinel' ? 26_379 : 6_379));
  if (first === undefined) throw new Error(notOne);
  if (kind === 'single' && others.length > 0)
    throw new Error(`names several servers as one; a list of hosts is redis+sentinel: or redis+cluster:`);

  const rest = path === '' ? [] : path.split('/').map(decodeURIComponent);
  const masterName = kind === 'sentinel' ? rest.shift() : undefined;
  if (kind === 'sentinel' && (masterName === undefined || masterName === '')) {
    throw new Error('needs the name of the master that the sentinels watch: redis+sentinel://host:26379,host:26379/<master name>');
  }
  const [database = '0', ...tooMuch] = rest;
  if (!/^\d{1,5}$/.test(database) || tooMuch.length > 0)
    throw new Error(`has "${rest.join('/')}" where only the number of a database may stand`);
  if (kind === 'cluster' && database !== '0') throw new Error('names a database, and a cluster has none but 0');
  return {
    kind,
    nodes: [first, ...others],
    masterName,
    database: Number(database),
    username: decoded(username),
    password: decoded(password),
    tls: scheme === 'rediss',
  };
}

function nodeOf(text: string, defaultPort: number): RedisNode {
  const [, host, port = String(defaultPort)] = node.exec(text) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) throw new Error(`has "${text}" where host:port must stand`);
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

const decoded = (text: string | undefined): string | undefined =>
  text === undefined || text === '' ? undefined : decodeURIComponent(text);
