import type { JsonObject } from '@sluice/kernel';
import { type StubAnswer, type StubApi, textOf } from './stub-api.js';

const says = (code: number, description: string, more: JsonObject = {}): StubAnswer => ({
  status: code,
  body: { ok: false, error_code: code, description, ...more },
});

const revoked = says(401, 'Unauthorized');

export const telegramApi: StubApi = {
  provider: 'telegram',
  troubles: {
    credentials_expired: revoked,
    rate_limited: says(429, 'Too Many Requests: retry after 1', { parameters: { retry_after: 1 } }),
    recipient_unknown: says(400, 'Bad Request: chat not found'),
    recipient_unreachable: says(403, 'Forbidden: bot was blocked by the user'),
    provider_unavailable: says(500, 'Internal Server Error'),
  },
  messageId: String,
  read({ path, body, method }, isDead) {
    const [, token = '', name] = /^\/bot([^/]+)\/(\w+)$/.exec(path) ?? [];
    if (!/^\d+:[\w-]+$/.test(token) || method !== 'POST' || name !== 'sendMessage') return says(404, 'Not Found');
    if (isDead(token)) return revoked;
    const { chat_id: chat } = body;
    const text = textOf(body['text']);
    const to = typeof chat === 'number' ? String(chat) : textOf(chat);
    if (to === '') return says(400, 'Bad Request: chat_id is empty');
    if (text.trim() === '') return says(400, 'Bad Request: message text is empty');
    if (text.length > 4096) return says(400, 'Bad Request: message is too long');
    const ofChat = to.startsWith('-') ? { calls: 20, perMs: 60_000 } : { calls: 30, perMs: 30_000 };
    const [account = ''] = token.split(':');
    return {
      account,
      to,
      texts: [text],
      limits: [
        { key: 'account', calls: 30, perMs: 1_000 },
        { key: `to/${to}`, ...ofChat },
      ],
      done: ([id = '']) => ({
        status: 200,
        body: { ok: true, result: { message_id: Number(id), chat: { id: Number(to) || to }, date: 1, text } },
      }),
    };
  },
};
