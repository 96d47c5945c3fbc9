import ipaddr from 'ipaddr.js';

interface Entry {
  readonly host?: string;
  readonly range?: [ipaddr.IPv4 | ipaddr.IPv6, number];
  readonly port?: number;
}

/**
 * What the operator lets through the guard: `crm.internal`, `crm.internal:8080`, `10.0.0.5`, `[::1]:9000`, `10.0.0.0/8`.
 * A name allows whatever it resolves to; an address or range allows every name that resolves into it. A tenant has no say here.
 */
export class AllowList {
  private readonly entries: readonly Entry[];

  constructor(entries: readonly string[]) {
    this.entries = entries.map(parseEntry);
  }

  allowsHost(hostname: string, port: number): boolean {
    const host = canonicalHost(hostname);
    return this.entries.some((entry) => entry.host === host && (entry.port ?? port) === port);
  }

  allowsAddress(address: ipaddr.IPv4 | ipaddr.IPv6, port: number): boolean {
    return this.entries.some(
      ({ range, port: only }) =>
        range !== undefined && range[0].kind() === address.kind() && address.match(range) && (only ?? port) === port,
    );
  }
}

/** Lower case, without the brackets of an IPv6 literal and the dot at the end of an absolute name. */
export const canonicalHost = (hostname: string): string =>
  hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');

function parseEntry(entry: string): Entry {
  const text = entry.trim();
  if (ipaddr.isValidCIDR(text)) return { range: ipaddr.parseCIDR(text) };
  if (isAddress(text)) return { range: single(text) };

  const [, host = '', port] = /^(\[[^\]]+\]|[^:/\s]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const name = canonicalHost(host);
  if (name === '' || Number(port ?? 1) < 1 || Number(port ?? 1) > 65_535) {
    throw new Error(`"${entry}" is not a host, host:port, address or CIDR range`);
  }
  const only = port === undefined ? {} : { port: Number(port) };
  if (isAddress(name)) return { range: single(name), ...only };
  // A name of digits and dots, or with a star, would never match anything: better to say so at start.
  if (!/^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/.test(name) || /^[0-9.]+$/.test(name)) {
    throw new Error(`"${entry}" is not a host, host:port, address or CIDR range`);
  }
  return { host: name, ...only };
}

const isAddress = (text: string): boolean => ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);

function single(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  const address = ipaddr.process(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}
