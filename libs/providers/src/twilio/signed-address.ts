import type { Channel, ProviderRequest, Verification } from '../adapter.js';
import { sha256 } from '../dedupe-key.js';
import { formPairs, isForm } from '../forms.js';
import { textOf } from '../json-values.js';
import { hmacOf } from '../samples.js';
import { type HmacScheme, tokensMatch, valuesOf, verifyHmac } from '../signatures.js';

const mismatch: Verification = { ok: false, reason: 'signature_mismatch' };
const signature: HmacScheme = { header: 'x-twilio-signature', prefix: '', algorithm: 'sha1', encoding: 'base64' };

/**
 * Twilio signs the address as it was entered in the console, and what a form says. The address comes from our configuration: `Host` and
 * `X-Forwarded-*` are whatever the caller wrote. A body that is no form is covered by its hash in the query.
 */
export function verify(request: ProviderRequest, channel: Channel): Verification {
  const hash = valuesOf(request.query.bodySHA256)[0];
  const fields = isForm(request) ? fieldsOf(request.body) : '';
  const outcomes = spellingsOf(addressOf(request, channel, hash)).map((spelling) =>
    verifyHmac(request.headers, Buffer.from(spelling + fields), signature, channel.secrets.signingSecrets),
  );
  const outcome = outcomes.find(({ ok }) => ok) ?? outcomes[0] ?? mismatch;
  const isCovered = hash === undefined ? isForm(request) : tokensMatch(sha256(request.body), hash.toLowerCase());
  return outcome.ok && !isCovered ? mismatch : outcome;
}

/** The signature of a form. */
export const signatureOf = (form: Pick<ProviderRequest, 'url' | 'headers' | 'body'>, channel: Channel, secret: string): string =>
  hmacOf(signature, secret, Buffer.from(addressOf(form, channel, undefined) + fieldsOf(form.body)));

/** `config.publicUrl`: the address in the console, where a proxy makes another one of it. */
function addressOf({ url }: Pick<ProviderRequest, 'url'>, { config, publicUrl }: Channel, hash: string | undefined): string {
  const configured = textOf(config.publicUrl);
  if (configured === undefined) return publicUrl + url;
  return hash === undefined ? configured : `${configured}${configured.includes('?') ? '&' : '?'}bodySHA256=${hash}`;
}

/** Names and values without anything between, sorted by name; of equal ones one. */
function fieldsOf(body: Buffer): string {
  const values = Map.groupBy(formPairs(body), ([name]) => name);
  return [...values.keys()]
    .toSorted()
    .map((name) =>
      [...new Set(values.get(name)?.map(([, value]) => value))]
        .toSorted()
        .map((value) => name + value)
        .join(''),
    )
    .join('');
}

/** Twilio is not consistent about the port and about what is escaped in the query. */
function spellingsOf(address: string): readonly string[] {
  const url = URL.parse(address);
  if (url === null) return [address];
  const port = url.port || (url.protocol === 'http:' ? '80' : '443');
  const [, origin = '', rest = ''] = /^([a-z]+:\/\/[^/?#]*)([^#]*)/i.exec(address) ?? [];
  const bare = origin.replace(/:\d+$/, '');
  const rests = [rest, url.pathname + url.search];
  return [...new Set(rests.flatMap((each) => [bare + each, `${bare}:${port}${each}`]))];
}
