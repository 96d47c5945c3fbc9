import { isIP, type LookupFunction } from 'node:net';
import { types } from 'node:util';
import { HEADER_VALUE, NodeFailure, type OutboundRequest, type OutboundResponse, requestHeaderProblem } from '@sluice/nodes';
import { Agent, buildConnector } from 'undici';
import { AddressGuard, AddressRefused, type Refusal } from './address-guard.js';
import { AllowList } from './allow-list.js';
import { ACCEPTED_ENCODINGS, decodeBody } from './decode-body.js';
import { exchange, ExchangeFailed } from './exchange.js';
import { deadlinePassed, failureOf, refused } from './failures.js';
import { type Lookup, names } from './names.js';
import { type Hop, isRedirect, redirected } from './redirect.js';

export interface OutboundHttpOptions {
  /** Hosts (`crm.internal`, `crm.internal:8080`), addresses, CIDR ranges that the guard lets through: the operator's, never a tenant's. */
  readonly allow: readonly string[];
  /** Of the body, decoded, for requests that say nothing of it. Default 1 MiB */
  readonly maxResponseBytes?: number;
  /** Default 1 MiB */
  readonly maxRequestBytes?: number;
  /** Default 5 000 */
  readonly connectTimeoutMs?: number;
  /** Default 5 */
  readonly maxRedirects?: number;
  readonly lookup?: Lookup;
  /** For the operator's log; the caller learns only that the call was refused. */
  readonly onRefused?: (refusal: Refusal) => void;
}

export interface OutboundCall extends OutboundRequest {
  /** For whom: no tenant's calls wait for, or share, another's connections */
  readonly tenantId: string;
  /** For everything together: names, connections, redirects, the last byte of the body */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const MEBIBYTE = 1024 * 1024;
/** However much a request asks for: an answer is held in memory. */
const RESPONSE_BYTES_MAX = 8 * MEBIBYTE;
const HEADER_BYTES_MAX = 16 * 1024;
/** Of one tenant */
const CONNECTIONS_PER_ORIGIN = 64;
/** Tenants that keep connections open; one more closes those of whoever called least lately. */
const AGENTS_MAX = 500;
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

const headerValue = new RegExp(HEADER_VALUE);

/**
 * The one door to the outside. Every socket is opened to an address that was checked for it (names are resolved once, and the
 * checked answer is what is connected to), redirects are followed by hand and checked like a first call, and proxies from the
 * environment play no part. Fails with NodeFailure only.
 */
export class OutboundHttp {
  /** By tenant, the one that was used last at the end */
  private readonly agents = new Map<string, Agent>();
  private readonly connectTimeoutMs: number;
  private readonly guard: AddressGuard;
  private readonly maxResponseBytes: number;
  private readonly maxRequestBytes: number;
  private readonly maxRedirects: number;
  private readonly onRefused: (refusal: Refusal) => void;

  constructor(options: OutboundHttpOptions) {
    this.guard = new AddressGuard(new AllowList(options.allow), options.lookup ?? names());
    this.maxResponseBytes = options.maxResponseBytes ?? MEBIBYTE;
    this.maxRequestBytes = options.maxRequestBytes ?? MEBIBYTE;
    this.maxRedirects = options.maxRedirects ?? 5;
    this.onRefused = options.onRefused ?? (() => undefined);
    this.connectTimeoutMs = options.connectTimeoutMs ?? 5_000;
  }

  async send(request: OutboundCall): Promise<OutboundResponse> {
    const deadline = AbortSignal.timeout(request.timeoutMs);
    const signal = AbortSignal.any([request.signal, deadline]);
    try {
      const responseBytesMax = Math.min(request.maxResponseBytes ?? this.maxResponseBytes, RESPONSE_BYTES_MAX);
      return await this.follow(this.agentOf(request.tenantId), this.firstHop(request), signal, responseBytesMax);
    } catch (error) {
      if (error instanceof AddressRefused) return this.refuse(error);
      if (!(error instanceof ExchangeFailed)) throw failureOf(error, true);
      if (error.reason instanceof AddressRefused) return this.refuse(error.reason);
      throw deadline.aborted && error.reason === deadline.reason
        ? deadlinePassed(error.sent, request.timeoutMs)
        : failureOf(error.reason, error.sent);
    }
  }

  /** Ends every connection, and with it what is still under way. */
  async close(): Promise<void> {
    await Promise.all([...this.agents.values()].map((agent) => agent.destroy()));
    this.agents.clear();
  }

  private agentOf(tenantId: string): Agent {
    const agent =
      this.agents.get(tenantId) ??
      new Agent({
        connect: guardedConnector(this.guard, this.connectTimeoutMs),
        connections: CONNECTIONS_PER_ORIGIN,
        pipelining: 1,
        allowH2: false,
        maxHeaderSize: HEADER_BYTES_MAX,
      });
    this.agents.delete(tenantId);
    this.agents.set(tenantId, agent);
    // What it still has under way ends first.
    for (const [id, idlest] of this.agents) {
      if (this.agents.size <= AGENTS_MAX) break;
      this.agents.delete(id);
      void idlest.close();
    }
    return agent;
  }

  private firstHop({ method, url, headers, body }: OutboundRequest): Hop {
    const verb = method.toUpperCase();
    if (!methods.has(verb)) throw invalid(`The method "${method.slice(0, 40)}" is not one of ${[...methods].join(', ')}`);
    if (body !== undefined && Buffer.byteLength(body) > this.maxRequestBytes) {
      throw new NodeFailure('request_too_large', `The request's body is over the limit of ${this.maxRequestBytes} bytes`, {
        retryable: false,
      });
    }
    const sent = { 'user-agent': 'Sluice', ...checkedHeaders(headers), 'accept-encoding': ACCEPTED_ENCODINGS };
    return { method: verb, url: checkedUrl(url), headers: sent, body };
  }

  private async follow(agent: Agent, first: Hop, signal: AbortSignal, responseBytesMax: number): Promise<OutboundResponse> {
    let hop = first;
    for (let redirects = 0; ; redirects += 1) {
      const response = await exchange(agent, hop, signal, responseBytesMax);
      const location = response.headers['location'];
      if (!isRedirect(response.status) || location === undefined) return decoded(response, responseBytesMax);

      if (redirects === this.maxRedirects) {
        throw new NodeFailure('too_many_redirects', `The target redirected more than ${this.maxRedirects} times`, { retryable: false });
      }
      const target = checkedUrl(location, hop.url);
      const next = redirected(hop, response.status, target);
      if (!next) throw new AddressRefused({ hostname: target.hostname, port: portOf(target), reason: 'downgrade' });
      hop = next;
    }
  }

  private refuse({ refusal }: AddressRefused): never {
    this.onRefused(refusal);
    throw refused();
  }
}

async function decoded({ status, headers, body }: OutboundResponse, bytesMax: number): Promise<OutboundResponse> {
  const { 'content-encoding': encoding, 'content-length': _encodedLength, ...rest } = headers;
  return { status, headers: rest, body: await decodeBody(body, encoding, bytesMax) };
}

/** Resolve, check every address, connect to the checked ones; the name stays in `Host` and SNI. */
function guardedConnector(guard: AddressGuard, timeout: number): buildConnector.connector {
  return (options, callback) => {
    const port = Number(options.port) || (options.protocol === 'https:' ? 443 : 80);
    guard.addressesOf(options.hostname, port).then(
      (addresses) => buildConnector({ allowH2: false, timeout, maxCachedSessions: 0, lookup: answerWith(addresses) })(options, callback),
      (error: unknown) => callback(types.isNativeError(error) ? error : new Error('lookup failed'), null),
    );
  };
}

function answerWith(addresses: readonly string[]): LookupFunction {
  const answers = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_hostname, { all }, callback) => {
    const [first] = answers;
    if (all) callback(null, answers);
    else callback(null, first?.address ?? '', first?.family);
  };
}

/** One parser for the check and for the call, so that the two cannot read a URL differently. */
function checkedUrl(text: string, base?: URL): URL {
  const [beforeQuery = ''] = text.split(/[?#]/, 1);
  const url = URL.parse(text, base?.href);
  const refuse = (reason: Refusal['reason']) => new AddressRefused({ hostname: url?.hostname ?? '', port: url ? portOf(url) : 0, reason });
  if (!url || /\p{Cc}/u.test(text) || beforeQuery.includes('\\')) throw refuse('malformed');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refuse('scheme');
  if (url.username !== '' || url.password !== '') throw refuse('userinfo');
  return url;
}

const portOf = (url: URL): number => Number(url.port) || (url.protocol === 'https:' ? 443 : 80);

function checkedHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const pairs = Object.entries(headers).map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  for (const [name, value] of pairs) {
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) throw invalid('A header has a name that is not allowed in HTTP');
    const problem = requestHeaderProblem(name);
    if (problem !== undefined) throw invalid(`The header "${name}" ${problem}`);
    if (!headerValue.test(value)) throw invalid(`The value of the header "${name}" has characters that a header cannot carry`);
  }
  if (pairs.reduce((bytes, [name, value]) => bytes + name.length + value.length, 0) > HEADER_BYTES_MAX) {
    throw invalid(`The headers are over the limit of ${HEADER_BYTES_MAX} bytes together`);
  }
  return Object.fromEntries(pairs);
}

const invalid = (message: string): NodeFailure => new NodeFailure('invalid_request', message, { retryable: false });
