import type { InputError, JsonObject } from '@sluice/kernel';
import type { Channel, ProviderAdapter, ProviderRequest, SampleCall, SampleTerms, Verification } from '../adapter.js';
import { businessActions } from '../business-events.js';
import { isHeaderName } from '../checks.js';
import { genericEvent, parseGeneric } from '../generic-events.js';
import { textOf } from '../json-values.js';
import { hmacOf, jsonBody, sampleSecret, sampleText, secondsOf } from '../samples.js';
import { bytesOf, type HmacScheme, valuesOf, verifyHmac } from '../signatures.js';
import { verifyTimestamp } from '../timestamps.js';

/**
 * Anybody who signs what they send by an HMAC: the channel's config says in which header, how it is written and what is signed.
 * A config that says nothing sensible lets nobody in. The scheme is our own.
 */
export const hmac: ProviderAdapter = {
  name: 'hmac',
  actionTypes: businessActions,
  bodyBytesMax: 4 * 1024 * 1024,
  verify,
  parse: parseGeneric,
  normalise: (body, channel, request) => [genericEvent('hmac', body, channel, request)],
  check: ({ config }) => findingsIn(config),
  sample,
};

function sample(channel: Channel, { id, at }: SampleTerms): SampleCall | undefined {
  const secret = sampleSecret(channel);
  const settings = settingsOf(channel.config);
  if (secret === undefined || settings === undefined) return undefined;
  const { scheme, timestampHeader, idHeader, template } = settings;
  const body = jsonBody({ test: true, id, text: sampleText });
  const time = timestampHeader === undefined ? undefined : String(secondsOf(at));
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (idHeader !== undefined) headers[idHeader] = id;
  if (timestampHeader !== undefined && time !== undefined) headers[timestampHeader] = time;
  headers[scheme.header] = hmacOf(scheme, secret, signedBytes(template, { body, time, id }));
  return { headers, body };
}

function verify({ headers, body, receivedAt }: ProviderRequest, { config, secrets }: Channel): Verification {
  const settings = settingsOf(config);
  if (settings === undefined) return { ok: false, reason: 'config_invalid' };
  const { scheme, timestampHeader, idHeader, template, windowMs } = settings;
  if (headers[scheme.header] === undefined) return { ok: false, reason: 'signature_missing' };

  const ids = idHeader === undefined ? [] : valuesOf(headers[idHeader]);
  if (template.includes('{id}') && ids[0] === undefined) return { ok: false, reason: 'id_missing' };
  if (ids.length > 1) return { ok: false, reason: 'signature_repeated' };
  const time = timestampHeader === undefined ? undefined : headers[timestampHeader];
  const inTime: Verification = timestampHeader === undefined ? { ok: true } : verifyTimestamp(time, receivedAt, 'seconds', windowMs);
  if (!inTime.ok) return inTime;

  return verifyHmac(headers, signedBytes(template, { body, time: valuesOf(time)[0], id: ids[0] }), scheme, secrets.signingSecrets);
}

interface Signed {
  readonly body: Buffer;
  readonly time: string | undefined;
  readonly id: string | undefined;
}

function signedBytes(template: string, { body, time, id }: Signed): Buffer {
  const values = new Map<string, string | Buffer | undefined>([
    ['{body}', body],
    ['{timestamp}', time],
    ['{id}', id],
  ]);
  return bytesOf(...template.split(/(\{(?:body|timestamp|id)\})/).map((part) => values.get(part) ?? part));
}

interface Settings {
  readonly scheme: HmacScheme;
  readonly timestampHeader: string | undefined;
  readonly idHeader: string | undefined;
  readonly template: string;
  readonly windowMs: number;
}

const algorithms = ['sha256', 'sha1', 'sha512'] as const;
const encodings = ['hex', 'base64', 'base64url'] as const;
const templateIn = (config: JsonObject) =>
  textOf(config.signedTemplate) ?? (config.timestampHeader === undefined ? '{body}' : '{timestamp}.{body}');

/** What `settingsOf` cannot make sense of, in words. */
function findingsIn(config: JsonObject): InputError[] {
  const { toleranceSeconds = 300 } = config;
  const template = templateIn(config);
  const said: readonly (readonly [isWrong: boolean, field: string, message: string])[] = [
    [!isHeaderName(config.header), 'header', 'It must name the header that holds the signature.'],
    [oneOf(algorithms, config.algorithm) === undefined, 'algorithm', `It must be one of ${algorithms.join(', ')}.`],
    [oneOf(encodings, config.encoding) === undefined, 'encoding', `It must be one of ${encodings.join(', ')}.`],
    [typeof toleranceSeconds !== 'number' || toleranceSeconds <= 0, 'toleranceSeconds', 'It must be a number of seconds above 0.'],
    [!template.includes('{body}'), 'signedTemplate', 'It must hold {body}: a signature that does not cover the body proves nothing.'],
    [
      template.includes('{timestamp}') && !isHeaderName(config.timestampHeader),
      'timestampHeader',
      'It must name the header that holds the time, which signedTemplate says is signed.',
    ],
    [
      !template.includes('{timestamp}') && config.timestampHeader !== undefined,
      'signedTemplate',
      'It must hold {timestamp}: a time that is not signed proves nothing.',
    ],
    [
      template.includes('{id}') && !isHeaderName(config.idHeader),
      'idHeader',
      'It must name the header that holds the id, which signedTemplate says is signed.',
    ],
  ];
  return said.flatMap(([isWrong, field, message]) => (isWrong ? [{ path: `config.${field}`, message }] : []));
}

/** Undefined for a config that could not be meant: what is signed lacks the body, or the time that is to be checked. */
function settingsOf(config: JsonObject): Settings | undefined {
  const { toleranceSeconds = 300 } = config;
  const header = headerName(config.header);
  const timestampHeader = headerName(config.timestampHeader);
  const idHeader = headerName(config.idHeader);
  const algorithm = oneOf(algorithms, config.algorithm);
  const encoding = oneOf(encodings, config.encoding);
  const template = templateIn(config);
  const signsTime = template.includes('{timestamp}');
  if (header === undefined || algorithm === undefined || encoding === undefined) return undefined;
  if (typeof toleranceSeconds !== 'number' || toleranceSeconds <= 0) return undefined;
  if (!template.includes('{body}') || signsTime !== (timestampHeader !== undefined)) return undefined;
  if (template.includes('{id}') && idHeader === undefined) return undefined;
  const scheme: HmacScheme = { header, prefix: textOf(config.prefix) ?? '', algorithm, encoding };
  return { scheme, timestampHeader, idHeader, template, windowMs: toleranceSeconds * 1000 };
}

const headerName = (value: JsonObject[string] | undefined) => textOf(value)?.toLowerCase();

/** The first is the default. */
const oneOf = <T extends string>(known: readonly T[], value: JsonObject[string] | undefined): T | undefined =>
  value === undefined ? known[0] : known.find((each) => each === value);
