import type { Json, JsonObject } from '@sluice/kernel';
import type { NodeCase } from '../node-cases.js';
import { runCase } from '../run-case.js';
import { instagramPrivateReply } from './instagram-private-reply.js';
import { instagramSendMessage } from './instagram-send-message.js';
import { whatsappSendMessage } from './whatsapp-send-message.js';

type Answer = NonNullable<NodeCase['answers']>[number];

const config = { channelId: 'channel-1', to: '9001', text: 'Hi' };
const failureAfter = async (answer: Answer, type = instagramSendMessage) => {
  const ofType = type === instagramPrivateReply ? { channelId: 'channel-1', commentId: '17', text: 'Hi' } : config;
  const { failure } = await runCase(type, { says: '', config: ofType, answers: [answer], gives: {} });
  return failure;
};
const graphError = (code: number, more: JsonObject = {}, status = 400): Answer => ({
  status,
  body: { error: { message: 'Sorry, token-1', type: 'OAuthException', code, fbtrace_id: 'trace', ...more } },
});
const all = (codes: readonly number[], failure: string, retryable: boolean) =>
  codes.map((code): [string, Answer, string, boolean] => [String(code), graphError(code), failure, retryable]);

describe('an error of the Graph API', () => {
  it.each<[string, Answer, string, boolean]>([
    ...all([1, 2], 'provider_unavailable', true),
    ['2 with 503', graphError(2, {}, 503), 'provider_unavailable', true],
    ['transient', graphError(999, { is_transient: true }), 'provider_unavailable', true],
    ['100 if called transient', graphError(100, { is_transient: true }), 'provider_unavailable', true],
    ...all([4, 17, 32, 341, 613, 80002, 80006, 80007], 'rate_limited', true),
    ...all([102, 190], 'credentials_expired', false),
    ['190 expired', graphError(190, { error_subcode: 463 }, 401), 'credentials_expired', false],
    ['190 even if called transient', graphError(190, { is_transient: true }, 500), 'credentials_expired', false],
    ['10 outside the window', graphError(10, { error_subcode: 2534022 }, 403), 'window_closed', false],
    ['10 outside the window, Messenger', graphError(10, { error_subcode: 2018278 }, 403), 'window_closed', false],
    ...all([10, 200, 299], 'permission_missing', false),
    ['100 person unknown', graphError(100, { error_subcode: 2534014 }), 'recipient_unknown', false],
    ['100 person unknown, Messenger', graphError(100, { error_subcode: 2018001 }), 'recipient_unknown', false],
    ...all([100, 300, 999], 'provider_refused', false),
    ...all([551, 1545041], 'recipient_unreachable', false),
    ...all([368], 'blocked_by_policy', false),
    ['an error with 200', graphError(100, {}, 200), 'provider_refused', false],
  ])('%s', async (_what, answer, code, retryable) => {
    const failure = await failureAfter(answer);
    expect(failure).toMatchObject({ code, options: { retryable, details: { trace: 'trace' } } });
    expect(failure?.options.outcomeUnknown).not.toBe(true);
    expect(JSON.stringify([failure, failure?.message])).not.toContain('token-1');
  });

  it.each<[string, Answer]>([
    ['1', graphError(1, {}, 500)],
    ['2', graphError(2, { is_transient: true }, 500)],
    ['any code', graphError(999, {}, 500)],
    ['100', graphError(100, {}, 502)],
  ])('behind a 5xx may have come after the message went out: %s', async (_what, answer) => {
    for (const type of [instagramSendMessage, whatsappSendMessage]) {
      expect(await failureAfter(answer, type)).toMatchObject({
        code: 'provider_unavailable',
        options: { retryable: true, outcomeUnknown: true },
      });
    }
  });

  it.each([4, 17, 613, 190, 10, 368])('behind a 5xx is a refusal all the same, if its code is one: %i', async (code) => {
    expect((await failureAfter(graphError(code, {}, 500)))?.options.outcomeUnknown).not.toBe(true);
  });

  it('10900 says that the comment has been answered', async () => {
    expect(await failureAfter(graphError(10900), instagramPrivateReply)).toMatchObject({
      code: 'already_replied',
      options: { retryable: false },
    });
  });

  it.each<[string, Answer, string, boolean]>([
    ...all([0], 'credentials_expired', false),
    ...all([131000, 131016, 133016], 'provider_unavailable', true),
    ...all([80007, 4], 'rate_limited', true),
    ...all([131047], 'window_closed', false),
    ...all([131026], 'recipient_unreachable', false),
    ...all([131051, 100], 'provider_refused', false),
    ...all([131031], 'blocked_by_policy', false),
    ...all([132000, 132001, 132999], 'template_refused', false),
  ])('of WhatsApp: %s', async (_what, answer, code, retryable) => {
    expect(await failureAfter(answer, whatsappSendMessage)).toMatchObject({ code, options: { retryable } });
  });

  it.each([
    ['throughput', 130429, 10_000],
    ['pair', 131056, 30_000],
    ['spam', 131048, 21_600_000],
    ['enough', 131049, 21_600_000],
  ])('of WhatsApp, of a rate: %s', async (_what, wordFor, retryAfterMs) => {
    const failure = await failureAfter(graphError(wordFor), whatsappSendMessage);
    expect(failure).toMatchObject({ code: 'rate_limited', options: { retryable: true, retryAfterMs } });
  });

  it('shows what WhatsApp has to say about it', async () => {
    const answer = graphError(131051, { error_data: { messaging_product: 'whatsapp', details: 'Use another type.' } });
    expect(await failureAfter(answer, whatsappSendMessage)).toMatchObject({
      message: 'The provider refused the message: Sorry, ***: Use another type.',
    });
  });
});

it('waits as long as the usage headers say, else some minutes', async () => {
  const usage = { 'x-business-use-case-usage': '{"17841":[{"type":"messenger","call_count":100,"estimated_time_to_regain_access":7}]}' };
  const waits = async (headers?: Record<string, string>) =>
    (await failureAfter({ ...graphError(4), ...(headers && { headers }) }))?.options;
  expect(await waits(usage)).toMatchObject({ retryAfterMs: 420_000 });
  expect(await waits({ 'x-app-usage': '{"call_count":100}' })).toMatchObject({ retryAfterMs: 120_000 });
  expect(await waits({ 'x-app-usage': 'garbage', 'retry-after': '30' })).toMatchObject({ retryAfterMs: 30_000 });
  expect(await waits()).toMatchObject({ retryAfterMs: 120_000 });
});

it.each<[string, number, Json, string]>([
  ['a page of a gateway', 502, '<html>', 'http_status'],
  ['no JSON', 200, 'ok', 'invalid_response'],
  ['no id', 200, {}, 'invalid_response'],
])('says so when it cannot know whether the message went out: %s', async (_what, status, body, code) => {
  expect(await failureAfter({ status, body })).toMatchObject({ code, options: { outcomeUnknown: true } });
  expect(await failureAfter({ status, body }, whatsappSendMessage)).toMatchObject({ code, options: { outcomeUnknown: true } });
});

it('knows that a 503 did nothing', async () => {
  const failure = await failureAfter({ status: 503, body: '<html>' });
  expect(failure).toMatchObject({ code: 'http_status', options: { retryable: true, outcomeUnknown: false } });
});
