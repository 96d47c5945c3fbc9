import type { JsonObject } from '@sluice/kernel';
import { bearerIn, type StubAnswer, type StubApi, textOf } from './stub-api.js';

const says = (status: number, code: number, message: string, more: JsonObject = {}): StubAnswer => ({
  status,
  body: { message, code, ...more },
});
const unauthorized = says(401, 0, '401: Unauthorized');

export const discordApi: StubApi = {
  provider: 'discord',
  troubles: {
    credentials_expired: unauthorized,
    window_closed: says(401, 50027, 'Invalid Webhook Token'),
    rate_limited: {
      status: 429,
      headers: { 'retry-after': '1', 'x-ratelimit-scope': 'user' },
      body: { message: 'You are being rate limited.', retry_after: 0.65, global: false },
    },
    recipient_unknown: says(404, 10003, 'Unknown Channel'),
    recipient_unreachable: says(403, 50007, 'Cannot send messages to this user'),
    provider_unavailable: says(503, 130000, 'API resource is currently overloaded. Try again a little later'),
  },
  messageId: (count) => String(1_300_000_000_000_000_000n + BigInt(count)),
  read(call, isDead) {
    const { method, path, body } = call;
    const content = textOf(body['content']);
    const nonce = textOf(body['nonce']);
    if (content === '') return says(400, 50006, 'Cannot send an empty message');
    if (content.length > 2000 || nonce.length > 25) return says(400, 50035, 'Invalid Form Body', { errors: { content: {} } });
    const done = ([id = '']: readonly string[]): StubAnswer => ({ status: 200, body: { id, content, ...(nonce !== '' && { nonce }) } });

    const [, application, interaction] = /^\/webhooks\/(\d+)\/([^/]+)\/messages\/@original$/.exec(path) ?? [];
    if (method === 'PATCH' && application !== undefined && interaction !== undefined) {
      if (isDead(interaction)) return says(401, 50027, 'Invalid Webhook Token');
      return { account: application, to: interaction, texts: [content], limits: [], replaces: `interaction ${interaction}`, done };
    }
    const [, channel] = /^\/channels\/(\d+)\/messages$/.exec(path) ?? [];
    if (method !== 'POST' || channel === undefined) return says(404, 0, '404: Not Found');
    const token = bearerIn(call, 'Bot');
    if (token === '' || isDead(token)) return unauthorized;
    return {
      account: token,
      to: channel,
      texts: [content],
      ...(nonce !== '' && { reference: nonce }),
      limits: [
        { key: 'account', calls: 50, perMs: 1_000 },
        { key: `to/${channel}`, calls: 5, perMs: 5_000 },
      ],
      // Without `enforce_nonce` a nonce is only repeated.
      ...(nonce !== '' && body['enforce_nonce'] === true && { once: { name: `nonce ${channel} ${nonce}`, again: done } }),
      done,
    };
  },
};
