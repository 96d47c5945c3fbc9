import { isUuid } from '@sluice/kernel';
import { bearerIn, listOf, objectOf, type StubAnswer, type StubApi, textOf } from './stub-api.js';

const says = (status: number, message: string): StubAnswer => ({ status, body: { message } });
const expired = says(401, 'Authentication failed. Confirm that the access token in the authorization header is valid.');

const sent = (messageIds: readonly string[]) => messageIds.map((id) => ({ id, quoteToken: `quote-${id}` }));

export const lineApi: StubApi = {
  provider: 'line',
  troubles: {
    credentials_expired: expired,
    rate_limited: says(429, 'The API rate limit has been exceeded. Try again later.'),
    provider_unavailable: says(503, 'Service unavailable'),
  },
  messageId: (count) => String(461_230_966_842_000_000n + BigInt(count)),
  read(call, isDead) {
    const { method, path, headers, body } = call;
    const token = bearerIn(call);
    if (token === '' || isDead(token)) return expired;
    const [, how] = /^\/v2\/bot\/message\/(push|reply)$/.exec(path) ?? [];
    if (method !== 'POST' || how === undefined) return says(404, 'Not found');
    const messages = listOf(body['messages']).map(objectOf);
    const texts = messages.map((message) => textOf(message['text']));
    const isRight = messages.every(({ type }) => type === 'text') && texts.every((text) => text !== '' && text.length <= 5000);
    if (texts.length === 0 || texts.length > 5 || !isRight) return says(400, 'The request body has 1 error(s)');
    const retryKey = headers['x-line-retry-key'];
    const order = {
      account: token,
      texts,
      limits: [{ key: 'account', calls: 2_000, perMs: 1_000 }],
      done: (ids: readonly string[]) => ({ status: 200, body: { sentMessages: sent(ids) } }),
    };

    if (how === 'reply') {
      const replyToken = textOf(body['replyToken']);
      if (retryKey !== undefined) return says(400, 'X-Line-Retry-Key is not supported by this API');
      if (replyToken === '' || isDead(replyToken)) return says(400, 'Invalid reply token');
      return { ...order, to: `reply ${replyToken}`, once: { name: `reply ${replyToken}`, again: () => says(400, 'Invalid reply token') } };
    }
    const to = textOf(body['to']);
    if (to === '') return says(400, "The property, 'to', in the request body is invalid");
    if (retryKey === undefined) return { ...order, to };
    if (!isUuid(retryKey)) return says(400, 'Invalid retry key');
    const again = (messageIds: readonly string[]): StubAnswer => ({
      status: 409,
      headers: { 'x-line-accepted-request-id': `request-${retryKey}` },
      body: { message: 'The retry key is already accepted', sentMessages: sent(messageIds) },
    });
    return { ...order, to, reference: retryKey, once: { name: `push ${retryKey}`, again } };
  },
};
