import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Of IPv6 the network counts: whoever has one address has all 2^64 of it. */
const networkParts = 4;

/** Whom a call is counted under that nobody has signed. */
export function sourceOf(address: string): string {
  // Of most calls, on the hot path
  if (isIPv4(address)) return address;
  if (!ipaddr.isValid(address)) return 'unknown';
  const parsed = ipaddr.process(address);
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString();
  return `${parsed.parts
    .slice(0, networkParts)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
}
