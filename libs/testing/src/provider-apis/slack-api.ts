import { bearerIn, listOf, type StubAnswer, type StubApi, textOf } from './stub-api.js';

/** The usual form of an error: 200, and `ok: false`. */
const refused = (error: string): StubAnswer => ({ status: 200, body: { ok: false, error } });

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
