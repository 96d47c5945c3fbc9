import { lookup as askSystem, Resolver } from 'node:dns/promises';

/**
 * All addresses of a name. `isKnown`: the operator named it, so it is looked up as the system does (hosts file, search domains). All others
 * are authors' and go to DNS as they stand.
 */
export type Lookup = (hostname: string, isKnown: boolean) => Promise<readonly string[]>;

/** A name server that does not answer is asked twice: 6 s for each that the system names. */
const patience = { timeout: 2_000, tries: 2 };

/**
 * The system's own look-up (`getaddrinfo`) holds one of a few threads until the name server answers: names that are never answered, and
 * anybody can own one, would stop everybody's calls. So an author's name is asked for on sockets, where it holds up nobody but itself
 * (ADR 0055). `servers`: in place of the system's.
 */
export function names(servers?: readonly string[]): Lookup {
  const resolver = new Resolver(patience);
  if (servers !== undefined) resolver.setServers(servers);
  const underWay = new Map<string, Promise<readonly string[]>>();

  const bySystem = async (hostname: string): Promise<readonly string[]> =>
    (await askSystem(hostname, { all: true, order: 'verbatim' })).map(({ address }) => address);

  const byDns = async (hostname: string): Promise<readonly string[]> => {
    const [v4, v6] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    if (v4.status === 'rejected' && v6.status === 'rejected') throw v4.reason;
    return [v4, v6].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  };

  // Calls of one host share what is under way: the operator's names hold as many threads as there are of them, and no more.
  return (hostname, isKnown) => {
    const key = `${isKnown} ${hostname}`;
    const shared = underWay.get(key);
    if (shared !== undefined) return shared;
    const asked = (isKnown ? bySystem(hostname) : byDns(hostname)).finally(() => underWay.delete(key));
    underWay.set(key, asked);
    return asked;
  };
}
