import type { Channel, HandshakeAnswer, ProviderAdapter, ProviderRequest, RejectionReason } from '../adapter.js';
import { type HmacScheme, tokensMatch, valuesOf, verifyHmac } from '../signatures.js';

/** `X-Hub-Signature` (SHA-1) comes along for old receivers; alone it proves nothing. */
export const signature: HmacScheme = { header: 'x-hub-signature-256', prefix: 'sha256=', algorithm: 'sha256', encoding: 'hex' };

/** How Meta calls, whatever the product: signed with the app's secret, after a handshake by `GET`. */
export const signedCalls: Pick<ProviderAdapter, 'bodyBytesMax' | 'handshake' | 'verify'> = {
  bodyBytesMax: 4 * 1024 * 1024,
  handshake,
  verify: ({ headers, body }, { secrets }) => verifyHmac(headers, body, signature, secrets.signingSecrets),
};

/** The challenge goes back byte for byte and never as HTML: it is whatever the caller chose to write. */
function handshake({ query }: ProviderRequest, { secrets: { verifyToken } }: Channel): HandshakeAnswer {
  const modes = valuesOf(query['hub.mode']);
  const tokens = valuesOf(query['hub.verify_token']);
  const challenges = valuesOf(query['hub.challenge']);
  const refused = (reason: RejectionReason): HandshakeAnswer => ({ ok: false, reason });

  if ([modes, tokens, challenges].some((values) => values.length > 1)) return refused('verify_parameter_repeated');
  if (modes[0] !== 'subscribe') return refused('verify_mode_missing');
  if (verifyToken === undefined || verifyToken === '') return refused('secret_missing');
  if (!tokensMatch(tokens[0] ?? '', verifyToken)) return refused('verify_token_mismatch');
  if (challenges[0] === undefined) return refused('verify_challenge_missing');
  return { ok: true, status: 200, contentType: 'text/plain; charset=utf-8', body: challenges[0] };
}
