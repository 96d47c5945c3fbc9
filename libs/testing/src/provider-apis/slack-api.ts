import type { JsonObject } from '@sluice/kernel';
import { bearerIn, listOf, type Order, type StubAnswer, type StubApi, textOf } from './stub-api.js';

/** The usual form of an error: 200, and `ok: false`. */
const refused = (error: string): StubAnswer => ({ status: 200, body: { ok: false, error } });

/** A refresh token is good for one pair of tokens, which lives for 12 hours. Each is named after the one before. */
function refreshed(body: JsonObject, isDead: (token: string) => boolean): StubAnswer | Order {
  const token = textOf(body['refresh_token']);
  if (body['grant_type'] !== 'refresh_token') return refused('invalid_arguments');
  if (textOf(body['client_id']) === '') return refused('invalid_client_id');
  if (textOf(body['client_secret']) === '') return refused('bad_client_secret');
  if (token === '' || isDead(token)) return refused('invalid_refresh_token');
  const tokens = { access_token: `xoxe.xoxb-${token}`, refresh_token: `${token}-next`, expires_in: 43_200, token_type: 'bot' };
  return {
    account: 'workspace',
    to: 'tokens',
    texts: [],
    limits: [],
    once: { name: `refresh ${token}`, again: () => refused('invalid_refresh_token') },
    done: () => ({ status: 200, body: { ok: true, ...tokens, team: { id: 'T1' } } }),
  };
}

export const slackApi: StubApi = {
  provider: 'slack',
  troubles: {
    credentials_expired: refused('token_revoked'),
    rate_limited: { status: 429, headers: { 'retry-after': '1' }, body: { ok: false, error: 'ratelimited' } },
    recipient_unknown: refused('channel_not_found'),
    recipient_unreachable: refused('is_archived'),
    provider_unavailable: { status: 503, body: { ok: false, error: 'service_unavailable' } },
  },
  messageId: (count) => `1780315200.${String(count).padStart(6, '0')}`,
  read(call, isDead) {
    const { method, path, body } = call;
    if (method === 'POST' && path === '/oauth.v2.access') return refreshed(body, isDead);
    if (method !== 'POST' || path !== '/chat.postMessage') return refused('unknown_method');
    const token = bearerIn(call);
    if (token === '') return refused('not_authed');
    if (isDead(token)) return refused('token_revoked');
    const [to, text] = [textOf(body['channel']), textOf(body['text'])];
    if (to === '') return refused('channel_not_found');
    if (text === '' && listOf(body['blocks']).length === 0) return refused('no_text');
    if (text.length > 40_000) return refused('msg_too_long');
    return {
      account: 'workspace',
      to,
      texts: [text],
      limits: [{ key: `to/${to}`, calls: 30, perMs: 30_000 }],
      done: ([ts = '']) => ({ status: 200, body: { ok: true, channel: to, ts, message: { type: 'message', text, ts } } }),
    };
  },
};
