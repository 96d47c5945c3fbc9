import type { Channel, ProviderAdapter, ProviderRequest, SampleCall, SampleTerms, Verification } from '../adapter.js';
import { businessActions } from '../business-events.js';
import { isHeaderName, wrongSecrets } from '../checks.js';
import { genericEvent, parseGeneric } from '../generic-events.js';
import { textOf } from '../json-values.js';
import { jsonBody, sampleSecret, sampleText } from '../samples.js';
import { decoded, tokensMatch, valuesOf } from '../signatures.js';

/**
 * Anybody who shows a secret with every call: `Authorization: Bearer` (RFC 6750) or `Basic` (RFC 7617, in UTF-8), a header of
 * their own, or a query parameter. It proves who calls, not what they say. The scheme is our own.
 */
export const token: ProviderAdapter = {
  name: 'token',
  actionTypes: businessActions,
  bodyBytesMax: 4 * 1024 * 1024,
  verify,
  parse: parseGeneric,
  normalise: (body, channel, request) => [genericEvent('token', body, channel, request)],
  check: ({ config, secrets }) => {
    const { scheme = 'bearer' } = config;
    if (typeof scheme !== 'string' || !schemes.includes(scheme))
      return [{ path: 'config.scheme', message: `It must be one of ${schemes.join(', ')}.` }];
    if (scheme === 'header' && !isHeaderName(config.header))
      return [{ path: 'config.header', message: 'It must name the header that holds the secret.' }];
    const noLogin = (secret: string) => scheme !== 'basic' || secret.includes(':');
    return wrongSecrets({ config, secrets, externalAccountId: null }, noLogin, 'must be user:password for the scheme basic');
  },
  sample,
};

const schemes = ['bearer', 'basic', 'header', 'query'];

function sample(channel: Channel, { id }: SampleTerms): SampleCall | undefined {
  const secret = sampleSecret(channel);
  const call = secret === undefined ? undefined : shown(secret, channel.config);
  if (call === undefined) return undefined;
  const idHeader = textOf(channel.config.idHeader)?.toLowerCase();
  const headers = { 'content-type': 'application/json', ...(idHeader === undefined ? {} : { [idHeader]: id }) };
  return { ...call, headers: { ...headers, ...call.headers }, body: jsonBody({ test: true, id, text: sampleText }) };
}

/** The secret where the config says that callers show it. */
function shown(secret: string, { scheme = 'bearer', header, prefix, parameter }: Channel['config']): Omit<SampleCall, 'body'> | undefined {
  switch (scheme) {
    case 'bearer':
      return { headers: { authorization: `Bearer ${secret}` } };
    case 'basic':
      return { headers: { authorization: `Basic ${Buffer.from(secret).toString('base64')}` } };
    case 'header': {
      const name = textOf(header)?.toLowerCase();
      return name === undefined ? undefined : { headers: { [name]: `${textOf(prefix) ?? ''}${secret}` } };
    }
    case 'query':
      return { headers: {}, query: { [textOf(parameter) ?? 'token']: secret } };
    default:
      return undefined;
  }
}

/** Where the secret is, and how it is written there. */
interface Place {
  readonly values: readonly string[];
  read(value: string): string | Buffer | undefined;
}

function verify(request: ProviderRequest, { config, secrets }: Channel): Verification {
  const place = placeOf(request, config);
  if (place === undefined) return { ok: false, reason: 'config_invalid' };
  if (place.values.length > 1) return { ok: false, reason: 'signature_repeated' };
  const given = place.values.map((value) => place.read(value))[0];
  if (given === undefined) return { ok: false, reason: 'token_missing' };

  const active = secrets.signingSecrets.filter((secret) => secret !== '');
  if (active.length === 0) return { ok: false, reason: 'secret_missing' };
  return active.map((secret) => tokensMatch(given, secret)).includes(true) ? { ok: true } : { ok: false, reason: 'token_mismatch' };
}

function placeOf({ headers, query }: ProviderRequest, config: Channel['config']): Place | undefined {
  const { scheme = 'bearer' } = config;
  const header = textOf(config.header)?.toLowerCase();
  const prefix = textOf(config.prefix) ?? '';
  switch (scheme) {
    case 'bearer':
      return { values: valuesOf(headers.authorization), read: (value) => /^bearer +(\S+) *$/i.exec(value)?.[1] };
    case 'basic':
      // `user:password`, as the secret is kept; a user has no colon, a password may.
      return {
        values: valuesOf(headers.authorization),
        read: (value) => decoded(/^basic +(\S+) *$/i.exec(value)?.[1] ?? '', 'base64'),
      };
    case 'header':
      if (header === undefined) return undefined;
      return { values: valuesOf(headers[header]), read: (value) => (value.startsWith(prefix) ? value.slice(prefix.length) : undefined) };
    case 'query':
      return { values: valuesOf(query[textOf(config.parameter) ?? 'token']), read: (value) => value };
    default:
      return undefined;
  }
}
