import type { Json, JsonObject } from '@sluice/kernel';
import { instagramSendMessage } from './instagram-send-message.js';
import { type EffectTools, NodeFailure, type OutboundRequest } from './node-type.js';

interface Answer {
  readonly status: number;
  readonly body: Json;
  readonly headers?: Record<string, string>;
}

const now = new Date('2026-06-01T12:00:00Z');
const trigger = { channelId: 'channel-1', customerId: 'igsid-9' };
const accepted: Answer = { status: 200, body: { recipient_id: 'igsid-9', message_id: 'mid-1' } };

/** Runs the node against a Graph API that gives these answers in turn. */
async function send(
  config: JsonObject,
  answers: readonly (Answer | NodeFailure)[] = [accepted],
  provider = 'instagram',
  start: Json = trigger,
) {
  const requests: OutboundRequest[] = [];
  const channels: string[] = [];
  const tools: EffectTools = {
    writeState: () => Promise.reject(new Error('no state here')),
    idempotencyKey: 'key-1',
    signal: new AbortController().signal,
    send: (request) => {
      const answer = answers[requests.length] ?? accepted;
      requests.push(request);
      if (answer instanceof NodeFailure) return Promise.reject(answer);
      const { status, headers = {}, body } = answer;
      return Promise.resolve({ status, headers, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) });
    },
    channel: (channelId) => {
      channels.push(channelId);
      return Promise.resolve({ provider, externalAccountId: '17841', accessToken: 'token-1' });
    },
    credential: () => Promise.reject(new Error('no credential')),
    providerApi: (name) => `https://graph.${name}.example`,
  };
  const outcome = await instagramSendMessage
    .run({ config: { to: 'igsid-9', ...config }, input: null, trigger: start, now, evaluate: () => undefined }, tools)
    .catch((error: unknown) => error);
  return { outcome, requests, channels, bodies: requests.map(({ body }): unknown => JSON.parse(String(body))) };
}

const graphError = (code: number, more: JsonObject = {}, status = 400): Answer => ({
  status,
  body: { error: { message: 'Sorry', type: 'OAuthException', code, fbtrace_id: 'trace', ...more } },
});

describe('instagram.sendMessage', () => {
  it("sends a text by the trigger's channel and puts out the ids", async () => {
    const { outcome, requests, channels, bodies } = await send({ text: 'Grüße 👋' });
    expect(channels).toEqual(['channel-1']);
    expect(requests).toMatchObject([
      {
        method: 'POST',
        url: 'https://graph.instagram.example/v23.0/me/messages',
        headers: { authorization: 'Bearer token-1', 'content-type': 'application/json', 'idempotency-key': 'key-1' },
      },
    ]);
    expect(bodies).toEqual([{ recipient: { id: 'igsid-9' }, message: { text: 'Grüße 👋' } }]);
    expect(outcome).toEqual({ kind: 'done', handle: 'out', output: { recipientId: 'igsid-9', messageId: 'mid-1' } });
  });

  it('sends by another channel if the config names one', async () => {
    expect((await send({ text: 'Hi', channelId: 'channel-2' })).channels).toEqual(['channel-2']);
  });

  it('sends an attachment, and the text after it as a message with a key of its own', async () => {
    const attachment = { type: 'image', url: 'https://cdn.example/a.png' };
    expect((await send({ attachment })).bodies).toEqual([
      { recipient: { id: 'igsid-9' }, message: { attachment: { type: 'image', payload: { url: 'https://cdn.example/a.png' } } } },
    ]);
    const { bodies, requests } = await send({ attachment, text: 'Look!' });
    expect(bodies[1]).toEqual({ recipient: { id: 'igsid-9' }, message: { text: 'Look!' } });
    expect(requests.map(({ headers }) => headers['idempotency-key'])).toEqual(['key-1', 'key-1-2']);
  });

  it('does not send the attachment again because the text failed', async () => {
    const attachment = { type: 'image', url: 'https://cdn.example/a.png' };
    const { outcome } = await send({ attachment, text: 'Look!' }, [accepted, graphError(2)]);
    expect(outcome).toMatchObject({
      code: 'partly_sent',
      options: { retryable: false, details: { attachment: { messageId: 'mid-1' }, reason: { code: 'provider_unavailable' } } },
    });
  });

  it('counts bytes, not characters', async () => {
    expect((await send({ text: 'ä'.repeat(500) })).outcome).toMatchObject({ kind: 'done' });
    const { outcome, requests } = await send({ text: '👋'.repeat(251) });
    expect(outcome).toMatchObject({ code: 'text_too_long', message: expect.stringContaining('1004 bytes'), options: { retryable: false } });
    expect(requests).toEqual([]);
  });

  it.each<[JsonObject, Json, string]>([
    [{ to: null, text: 'Hi' }, trigger, '`to` has no value'],
    [{ text: null }, trigger, '`text` has no value'],
    [{ text: 'Hi' }, {}, '`channelId` is needed'],
    [{ attachment: { type: 'image' } }, trigger, '`url` has no value'],
  ])('sends nothing when something is missing: %j', async (config, start, message) => {
    const { outcome, requests } = await send(config, [], 'instagram', start);
    expect(outcome).toMatchObject({ code: 'config_invalid', message: expect.stringContaining(message) });
    expect(requests).toEqual([]);
  });

  it('does not send by the channel of another provider', async () => {
    expect((await send({ text: 'Hi' }, [], 'whatsapp')).outcome).toMatchObject({ code: 'wrong_channel', options: { retryable: false } });
  });

  it.each<[string, Answer, string, boolean]>([
    ['1 unknown', graphError(1), 'provider_unavailable', true],
    ['2 temporary', graphError(2, {}, 503), 'provider_unavailable', true],
    ['transient', graphError(999, { is_transient: true }), 'provider_unavailable', true],
    ['any code with 5xx', graphError(999, {}, 500), 'provider_unavailable', true],
    ...[4, 17, 32, 341, 613, 80002, 80006].map((code): [string, Answer, string, boolean] => [
      `${code} rate`,
      graphError(code),
      'rate_limited',
      true,
    ]),
    ['190 expired', graphError(190, { error_subcode: 463 }, 401), 'credentials_expired', false],
    ['190 even if called transient', graphError(190, { is_transient: true }, 500), 'credentials_expired', false],
    ['102 session', graphError(102), 'credentials_expired', false],
    ['10 outside the window', graphError(10, { error_subcode: 2534022 }, 403), 'window_closed', false],
    ['10 outside the window, Messenger', graphError(10, { error_subcode: 2018278 }, 403), 'window_closed', false],
    ['10 permission', graphError(10, {}, 403), 'permission_missing', false],
    ['200 permission', graphError(200, {}, 403), 'permission_missing', false],
    ['100 parameter', graphError(100, { error_subcode: 2534014 }), 'provider_refused', false],
    ['551 person', graphError(551), 'recipient_unreachable', false],
    ['1545041 person', graphError(1545041), 'recipient_unreachable', false],
    ['368 policy', graphError(368), 'blocked_by_policy', false],
    ['an error with 200', graphError(100, {}, 200), 'provider_refused', false],
  ])('knows what an error means: %s', async (_what, answer, code, retryable) => {
    const { outcome } = await send({ text: 'Hi' }, [answer]);
    expect(outcome).toMatchObject({ code, options: { retryable } });
    expect(outcome).not.toMatchObject({ options: { outcomeUnknown: true } });
    expect(JSON.stringify(outcome)).not.toContain('token-1');
  });

  it('waits as long as the usage headers say, else some minutes', async () => {
    const usage = { 'x-business-use-case-usage': '{"17841":[{"type":"messenger","call_count":100,"estimated_time_to_regain_access":7}]}' };
    const wait = async (headers?: Record<string, string>) => (await send({ text: 'Hi' }, [{ ...graphError(4), headers }])).outcome;
    expect(await wait(usage)).toMatchObject({ options: { retryAfterMs: 420_000 } });
    expect(await wait({ 'x-app-usage': '{"call_count":100}' })).toMatchObject({ options: { retryAfterMs: 120_000 } });
    expect(await wait({ 'x-app-usage': 'garbage', 'retry-after': '30' })).toMatchObject({ options: { retryAfterMs: 30_000 } });
    expect(await wait()).toMatchObject({ options: { retryAfterMs: 120_000 } });
  });

  it('says so when it cannot know whether the message went out', async () => {
    const unknown = { options: { outcomeUnknown: true } };
    expect((await send({ text: 'Hi' }, [{ status: 502, body: '<html>' }])).outcome).toMatchObject({ code: 'http_status', ...unknown });
    expect((await send({ text: 'Hi' }, [{ status: 200, body: 'ok' }])).outcome).toMatchObject({ code: 'invalid_response', ...unknown });
    const lost = new NodeFailure('outbound_connection_lost', 'lost', { retryable: true, outcomeUnknown: true });
    expect((await send({ text: 'Hi' }, [lost])).outcome).toBe(lost);
  });
});
