import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';
import { type AllowList, canonicalHost } from './allow-list.js';
import type { Lookup } from './names.js';

export interface Refusal {
  readonly hostname: string;
  readonly port: number;
  readonly reason: 'scheme' | 'userinfo' | 'name' | 'port' | 'address' | 'downgrade' | 'malformed';
}

/** Never shown to a tenant: the refusal it becomes says nothing about what is behind the address. */
export class AddressRefused extends Error {
  constructor(readonly refusal: Refusal) {
    super(`refused: ${refusal.reason}`);
    this.name = 'AddressRefused';
  }
}

const metadataNames = new Set(['metadata', 'metadata.google.internal', 'metadata.goog', 'instance-data', 'instance-data.ec2.internal']);

/** Ports of services that speak something else than HTTP and act on what they can make of a request. */
const foreignPorts = new Set([
  20, 21, 22, 23, 25, 53, 69, 110, 111, 135, 139, 143, 161, 389, 445, 465, 587, 636, 993, 995, 1433, 1521, 2049, 2379, 2380, 3306, 3389,
  4369, 5432, 5672, 5900, 6379, 9042, 11211, 27017,
]);

/**
 * Decides which addresses a socket may be opened to. It is asked for every new socket, and its answer is the only thing the
 * socket connects to: a name that resolves differently a moment later changes nothing.
 */
export class AddressGuard {
  constructor(
    private readonly allow: AllowList,
    private readonly lookup: Lookup,
  ) {}

  /** The checked addresses. One that is not allowed among several refuses them all. */
  async addressesOf(hostname: string, port: number): Promise<readonly string[]> {
    const refuse = (reason: Refusal['reason']) => new AddressRefused({ hostname, port, reason });
    const host = canonicalHost(hostname);
    const hostIsAllowed = this.allow.allowsHost(host, port);
    if (!hostIsAllowed && metadataNames.has(host)) throw refuse('name');

    const answers = isIP(host) ? [host] : await this.lookup(hostname, hostIsAllowed || host === 'localhost');
    if (answers.length === 0) throw refuse('address');
    if (hostIsAllowed) return answers;

    for (const answer of answers) {
      if (!ipaddr.isValid(answer)) throw refuse('address');
      const address = ipaddr.process(answer);
      if (this.allow.allowsAddress(address, port)) continue;
      if (!isGlobalUnicast(address) || isOurOwn(address)) throw refuse('address');
      if (foreignPorts.has(port)) throw refuse('port');
    }
    return answers;
  }
}

const globalUnicastV6 = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Public addresses that lead to the host of the machine itself, whose services trust whoever can reach it.
 * 168.63.129.16 is Azure's, in every region: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
 */
const hostServices = [ipaddr.IPv4.parseCIDR('168.63.129.16/32')];

/**
 * The internet, and nothing that is an address inside another one (IPv4-mapped, NAT64, 6to4, Teredo) or set aside for a purpose.
 * IPv6 is an allow-list: what IANA has not handed out as global unicast is refused without being named.
 */
export function isGlobalUnicast(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (address.range() !== 'unicast') return false;
  if (address instanceof ipaddr.IPv6) return address.match(globalUnicastV6);
  return !hostServices.some((range) => address.match(range));
}

/** A public address of this very machine leads to services that only mean to be reached from inside. */
function isOurOwn(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  const text = address.toNormalizedString();
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .some((own) => ipaddr.isValid(own.address) && ipaddr.process(own.address).toNormalizedString() === text);
}
