import { isJsonObject } from '@sluice/kernel';
import type { Logger } from '@sluice/platform-telemetry';
import { base64url, type CryptoKey, importJWK } from 'jose';

/** The algorithms of published keys, each bound to its kind of key: neither the token nor the key chooses freely. */
export type PublishedAlgorithm = 'ES256' | 'RS256' | 'EdDSA';

export interface PublishedKey {
  readonly algorithm: PublishedAlgorithm;
  readonly key: CryptoKey;
}

export interface KeyTimes {
  /** Between two attempts to fetch, whatever asks for them and however the last one ended */
  readonly coolDownMs: number;
  /** After which a key that is used is looked up anew in the background: a withdrawn key ends then */
  readonly freshMs: number;
  /** How long keys work while they cannot be fetched */
  readonly usableMs: number;
  readonly timeoutMs: number;
}

const defaultTimes: KeyTimes = { coolDownMs: 30_000, freshMs: 600_000, usableMs: 3_600_000, timeoutMs: 3_000 };
const bytesMax = 256 * 1024;
const keysMax = 100;
const rsaBytesMin = 256;

/** An issuer's keys at the one address that the operator named; nothing a token says leads anywhere else. */
export class PublishedKeys {
  private keys = new Map<string, PublishedKey>();
  private readAt = -Infinity;
  private triedAt = -Infinity;
  private reading: Promise<void> | undefined;
  private readonly times: KeyTimes;

  constructor(
    private readonly url: string,
    private readonly logger: Logger,
    times: Partial<KeyTimes> = {},
  ) {
    this.times = { ...defaultTimes, ...times };
  }

  async find(kid: string): Promise<PublishedKey | undefined> {
    const age = performance.now() - this.readAt;
    if (age > this.times.usableMs) this.keys.clear();
    const known = this.keys.get(kid);
    if (known === undefined) {
      await this.refresh();
      return this.keys.get(kid);
    }
    if (age > this.times.freshMs) void this.refresh();
    return known;
  }

  private refresh(): Promise<void> {
    if (this.reading !== undefined) return this.reading;
    if (performance.now() - this.triedAt < this.times.coolDownMs) return Promise.resolve();
    this.triedAt = performance.now();
    this.reading = this.read()
      .catch((error: unknown) => {
        this.logger.warn({ reason: error instanceof Error ? error.message : String(error) }, 'the keys of JWT_JWKS_URL cannot be read');
      })
      .finally(() => (this.reading = undefined));
    return this.reading;
  }

  private async read(): Promise<void> {
    const signal = AbortSignal.timeout(this.times.timeoutMs);
    const response = await fetch(this.url, { redirect: 'error', signal, headers: { accept: 'application/json' } });
    const body = await textOf(response);
    if (!response.ok) throw new Error(`answered ${response.status}`);
    const document: unknown = JSON.parse(body);
    const published = isJsonObject(document) ? document['keys'] : undefined;
    if (!Array.isArray(published)) throw new Error('answered without `keys`');
    const keys = await Promise.all(published.slice(0, keysMax).map(imported));
    this.keys = new Map(keys.filter((key) => key !== undefined));
    this.readAt = performance.now();
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Error(`answered more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** What of a document is a key to verify with; anything else in it is passed over, shared secrets above all. */
async function imported(jwk: unknown): Promise<readonly [string, PublishedKey] | undefined> {
  if (!isJsonObject(jwk)) return undefined;
  const { kid, kty, crv, n, e, x, y, use, alg, key_ops: operations } = jwk;
  const algorithm = algorithmOf(kty, crv, n);
  if (typeof kid !== 'string' || algorithm === undefined) return undefined;
  if (use !== undefined && use !== 'sig') return undefined;
  if (Array.isArray(operations) && !operations.includes('verify')) return undefined;
  if (alg !== undefined && alg !== algorithm && !(alg === 'Ed25519' && algorithm === 'EdDSA')) return undefined;
  const parts = Object.entries({ kty, crv, n, e, x, y }).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value] as const] : [],
  );
  const key = await importJWK(Object.fromEntries(parts), algorithm).catch(() => undefined);
  return key === undefined || key instanceof Uint8Array ? undefined : [kid, { algorithm, key }];
}

function algorithmOf(kty: unknown, crv: unknown, modulus: unknown): PublishedAlgorithm | undefined {
  if (kty === 'EC' && crv === 'P-256') return 'ES256';
  if (kty === 'OKP' && crv === 'Ed25519') return 'EdDSA';
  const isStrong = typeof modulus === 'string' && base64url.decode(modulus).length >= rsaBytesMin;
  return kty === 'RSA' && isStrong ? 'RS256' : undefined;
}
