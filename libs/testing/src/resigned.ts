import { createHmac, createPrivateKey, sign } from 'node:crypto';
import { bodyOf, type ProviderCase } from './provider-cases.js';

// A gateway that runs has the time of today, and refuses calls that were signed at another one.

/** How a provider signs a time: the text of it that the call bears, and the signature for any other, as it stands in its header. */
interface SignedTime {
  readonly time: string;
  readonly msOf: (time: string) => number;
  readonly write: (ms: number) => string;
  readonly sign: (time: string) => string;
}

const inSeconds = { msOf: (time: string) => Number(time) * 1000, write: (ms: number) => String(Math.floor(ms / 1000)) };
const inMilliseconds = { msOf: Number, write: String };
const inIso = { msOf: (time: string) => Date.parse(time), write: (ms: number) => new Date(ms).toISOString().replace(/\.\d+/, '') };

const hmac256 = (key: string | Buffer, text: string, encoding: 'hex' | 'base64') => createHmac('sha256', key).update(text).digest(encoding);

/** The key pair of RFC 8032's first test, which the recorded calls are signed with. */
const discordKey = createPrivateKey({
  key: Buffer.from('302e020100300506032b6570042204209d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex'),
  format: 'der',
  type: 'pkcs8',
});

const schemes: Readonly<Record<string, (each: ProviderCase, secret: string, body: string) => SignedTime | undefined>> = {
  slack: ({ headers }, secret, body) =>
    signedTime(headers['X-Slack-Request-Timestamp'], inSeconds, (time) => `v0=${hmac256(secret, `v0:${time}:${body}`, 'hex')}`),
  stripe: ({ headers }, secret, body) =>
    signedTime(/t=(\d+)/.exec(headers['Stripe-Signature'] ?? '')?.[1], inSeconds, (time) => hmac256(secret, `${time}.${body}`, 'hex')),
  standard: ({ headers }, secret, body) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
    return signedTime(headers['webhook-timestamp'], inSeconds, (time) =>
      hmac256(key, `${headers['webhook-id']}.${time}.${body}`, 'base64'),
    );
  },
  discord: ({ headers }, _secret, body) =>
    signedTime(headers['X-Signature-Timestamp'], inSeconds, (time) =>
      sign(null, Buffer.from(`${time}${body}`), discordKey).toString('hex'),
    ),
  hubspot: ({ headers, method, config }, secret, body) =>
    signedTime(headers['X-HubSpot-Request-Timestamp'], inMilliseconds, (time) =>
      hmac256(secret, `${method}${String(config.publicUrl)}${body}${time}`, 'base64'),
    ),
  zendesk: ({ headers }, secret, body) =>
    signedTime(headers['X-Zendesk-Webhook-Signature-Timestamp'], inIso, (time) => hmac256(secret, `${time}${body}`, 'base64')),
  // Of those recorded, the ones with a time are in hex.
  hmac: ({ headers, config }, secret, body) =>
    signedTime(headers[String(config.timestampHeader)], inSeconds, (time) =>
      hmac256(
        secret,
        String(config.signedTemplate)
          .replace('{timestamp}', time)
          .replace('{body}', () => body),
        'hex',
      ),
    ),
};

const signedTime = (
  time: string | undefined,
  format: Pick<SignedTime, 'msOf' | 'write'>,
  sign: SignedTime['sign'],
): SignedTime | undefined => (time === undefined || Number.isNaN(format.msOf(time)) ? undefined : { time, ...format, sign });

const windowMs = 300_000;

/**
 * The same call as if it were made at `now`: with a new time and, where its signature was right, the right one for that. What was
 * wrong stays wrong; what was too old or too early is so by twice as much, so that it still is when it arrives. A case whose provider
 * signs no time is as it was, but for when it is received.
 */
export function resigned(each: ProviderCase, now: Date): ProviderCase {
  const before = schemes[each.provider]?.(each, each.secret ?? '', bodyOf(each).toString());
  if (before === undefined) return { ...each, receivedAt: now };

  const ageMs = each.receivedAt.getTime() - before.msOf(before.time);
  const time = before.write(now.getTime() - (Math.abs(ageMs) > windowMs ? 2 * ageMs : ageMs));
  const newHeader = (value: string) =>
    value.replace(new RegExp(`^(t=)?${before.time}(?=,|$)`), `$1${time}`).replaceAll(before.sign(before.time), before.sign(time));
  const iso = (text: string) => new Date(before.msOf(text)).toISOString();
  const events = each.expect.events.map((event) => ({
    ...event,
    occurredAt: event.occurredAt === iso(before.time) ? iso(time) : event.occurredAt,
  }));
  return {
    ...each,
    receivedAt: now,
    headers: Object.fromEntries(Object.entries(each.headers).map(([name, value]) => [name, newHeader(value)])),
    expect: { ...each.expect, events },
  };
}
