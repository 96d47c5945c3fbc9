import type { Json, JsonObject } from '@sluice/kernel';
import type { NodeCase } from '../node-cases.js';
import type { EffectNodeType } from '../node-type.js';
import { runCase } from '../run-case.js';
import { discordRespond } from './discord-respond.js';
import { discordSendMessage } from './discord-send-message.js';
import { lineSendMessage } from './line-send-message.js';
import { slackErrors, slackSendMessage } from './slack-send-message.js';
import { telegramSendMessage } from './telegram-send-message.js';
import { twilioSendSms } from './twilio-send-sms.js';

interface Expected {
  readonly retryable?: true;
  readonly retryAfterMs?: number;
  readonly outcomeUnknown?: true;
}
type Row = [what: string, status: number, body: Json, code: string, expected?: Expected, headers?: Record<string, string>];

const final = { retryable: false };
const unknown = { outcomeUnknown: true } as const;
const again = { retryable: true } as const;
const after = (retryAfterMs: number) => ({ ...again, retryAfterMs });

/** What the node makes of one answer; in no case may the token be in it. */
async function expectFailure(
  type: EffectNodeType,
  config: JsonObject,
  [, status, body, code, expected, headers = {}]: Row,
  trigger: Json = null,
): Promise<void> {
  const nodeCase: NodeCase = { says: '', config, trigger, answers: [{ status, body, headers }], gives: {} };
  const { failure } = await runCase(type, nodeCase);
  expect(failure).toMatchObject({ code, options: { ...final, ...expected } });
  expect(failure?.options.outcomeUnknown ?? false).toBe(expected?.outcomeUnknown ?? false);
  expect(JSON.stringify([failure?.message, failure?.options])).not.toContain('token-1');
}

describe('Telegram', () => {
  const config = { channelId: 'channel-1', to: '5001', text: 'Hi' };
  const says = (error_code: number, description: string, parameters?: JsonObject): Json => ({
    ok: false,
    error_code,
    description,
    ...(parameters && { parameters }),
  });
  it.each<Row>([
    ['429 with its time', 429, says(429, 'Too Many Requests', { retry_after: 7 }), 'rate_limited', after(7_000)],
    ['429 without', 429, says(429, 'Too Many Requests'), 'rate_limited', after(30_000)],
    ['401', 401, says(401, 'Unauthorized'), 'credentials_expired'],
    ['404: no such token', 404, says(404, 'Not Found'), 'credentials_expired'],
    ['403 blocked', 403, says(403, 'Forbidden: bot was blocked by the user'), 'recipient_unreachable'],
    ['400 chat', 400, says(400, 'Bad Request: chat not found'), 'recipient_unknown'],
    ['400 person', 400, says(400, 'Bad Request: user not found'), 'recipient_unknown'],
    ['400 length', 400, says(400, 'Bad Request: message is too long'), 'text_too_long'],
    ['400 else, the token repeated', 400, says(400, "Bad Request: can't parse /bottoken-1/"), 'provider_refused'],
    // It names itself and not whether the message went out: only 503 says that nothing was begun.
    ['500', 500, says(500, 'Internal Server Error'), 'provider_unavailable', { ...again, ...unknown }],
    ['503', 503, says(503, 'Service Unavailable'), 'provider_unavailable', again],
    ['a gateway', 502, '<html>/bottoken-1/', 'http_status', { ...again, ...unknown }],
    ['no id', 200, { ok: true }, 'invalid_response', unknown],
    ['no JSON', 200, 'ok', 'invalid_response', unknown],
  ])('%s', (...row) => expectFailure(telegramSendMessage, config, row));

  it('sends a token that is none nowhere', async () => {
    const tools = { send: () => Promise.reject(new Error('sent')) };
    const nodeCase: NodeCase = { says: '', config, gives: {} };
    const { failure } = await runCase(telegramSendMessage, nodeCase, { ...tools, accessToken: 'no/token?' });
    expect(failure).toMatchObject({ code: 'credentials_expired' });
    expect(JSON.stringify([failure?.message, failure?.options])).not.toContain('no/token');
  });
});

describe('Slack', () => {
  const config = { channelId: 'channel-1', to: 'C1', text: 'Hi' };
  it.each<Row>([
    ['429 with its time', 429, { ok: false, error: 'ratelimited' }, 'rate_limited', after(7_000), { 'retry-after': '7' }],
    ['429 without a body', 429, '', 'rate_limited', after(30_000)],
    ['a word nobody knows', 200, { ok: false, error: 'new_word' }, 'provider_refused'],
    ['a word with 5xx', 500, { ok: false, error: 'new_word' }, 'provider_unavailable', { ...again, ...unknown }],
    ['a gateway', 502, '<html>token-1', 'http_status', { ...again, ...unknown }],
    ['no id', 200, { ok: true }, 'invalid_response', unknown],
    ['no JSON', 200, 'ok', 'invalid_response', unknown],
  ])('%s', (...row) => expectFailure(slackSendMessage, config, row));

  it.each([...slackErrors])('%s', (word, { code, retryable, outcomeUnknown = false }) =>
    expectFailure(slackSendMessage, config, [
      '',
      200,
      { ok: false, error: word },
      code,
      { ...(retryable && again), ...(outcomeUnknown && unknown) },
    ]),
  );

  it('each word of the table means what it says', () => {
    const words = (code: string) => [...slackErrors].filter(([, trouble]) => trouble.code === code).map(([word]) => word);
    expect(words('credentials_expired')).toEqual(['token_expired', 'token_revoked', 'invalid_auth', 'not_authed', 'account_inactive']);
    expect(words('provider_unavailable')).toEqual(
      expect.arrayContaining(['internal_error', 'fatal_error', 'service_unavailable', 'request_timeout']),
    );
    expect(words('recipient_unknown')).toContain('channel_not_found');
    expect(words('recipient_unreachable')).toEqual(expect.arrayContaining(['not_in_channel', 'is_archived']));
    expect(words('permission_missing')).toEqual(expect.arrayContaining(['missing_scope', 'restricted_action']));
    expect(words('text_too_long')).toEqual(['msg_too_long']);
  });
});

describe('LINE', () => {
  const config = { channelId: 'channel-1', to: 'U1', text: 'Hi' };
  it.each<Row>([
    ['400', 400, { message: 'The request body has 1 error(s)', details: [{ message: 'x', property: 'to' }] }, 'provider_refused'],
    ['401', 401, { message: 'Authentication failed due to token-1' }, 'credentials_expired'],
    ['403', 403, { message: 'Not authorized to use this API.' }, 'permission_missing'],
    ['429', 429, { message: 'The API rate limit has been exceeded. Try again later.' }, 'rate_limited', after(30_000)],
    ["429 of the month's plan", 429, { message: 'You have reached your monthly limit.' }, 'quota_exhausted'],
    ['500', 500, { message: 'Internal server error' }, 'http_status', { ...again, ...unknown }],
    ['503', 503, { message: 'Service unavailable' }, 'provider_unavailable', again],
    ['no id', 200, {}, 'invalid_response', unknown],
  ])('%s', (...row) => expectFailure(lineSendMessage, config, row));
});

const discordRows: readonly Row[] = [
  ['429', 429, { message: 'You are being rate limited.', retry_after: 0.65, global: false }, 'rate_limited', after(650)],
  ['429 without its time', 429, { message: 'You are being rate limited.' }, 'rate_limited', after(10_000)],
  ['slow mode', 403, { message: 'Slowmode', code: 20016 }, 'rate_limited', after(10_000)],
  ['50013', 403, { message: 'Missing Permissions', code: 50013 }, 'permission_missing'],
  ['50001', 403, { message: 'Missing Access', code: 50001 }, 'permission_missing'],
  ['any 403', 403, { message: 'Forbidden', code: 40333 }, 'permission_missing'],
  ['10003', 404, { message: 'Unknown Channel', code: 10003 }, 'recipient_unknown'],
  ['50007', 403, { message: 'Cannot send messages to this user', code: 50007 }, 'recipient_unreachable'],
  ['10015', 404, { message: 'Unknown Webhook', code: 10015 }, 'window_closed'],
  ['10062', 404, { message: 'Unknown interaction', code: 10062 }, 'window_closed'],
  ['50027', 401, { message: 'Invalid Webhook Token', code: 50027 }, 'window_closed'],
  ['20009', 400, { message: 'Explicit content', code: 20009 }, 'blocked_by_policy'],
  ['50035', 400, { message: 'Invalid Form Body', code: 50035, errors: { content: {} } }, 'provider_refused'],
  ['130000', 503, { message: 'API resource overloaded', code: 130000 }, 'provider_unavailable', again],
  ['500', 500, { message: '500: Internal Server Error', code: 0 }, 'provider_unavailable', { ...again, ...unknown }],
  ['a gateway', 502, '<html>token-1', 'http_status', { ...again, ...unknown }],
  ['no id', 200, {}, 'invalid_response', unknown],
];
describe('Discord', () => {
  it.each<Row>([...discordRows, ['401', 401, { message: '401: Unauthorized token-1', code: 0 }, 'credentials_expired']])('%s', (...row) =>
    expectFailure(discordSendMessage, { channelId: 'channel-1', to: '12', text: 'Hi' }, row),
  );
  it.each(discordRows)('of an interaction: %s', (...row) =>
    expectFailure(discordRespond, { text: 'Hi' }, row, { provider: 'discord', accountId: '11', replyToken: { sealed: 'dG9rZW4tMQ==' } }),
  );
});

describe('Twilio', () => {
  const config = { channelId: 'channel-1', to: '+1', from: '+2', text: 'Hi' };
  const says = (code: number, status = 400): Json => ({
    code,
    message: 'Sorry, token-1',
    more_info: `https://www.twilio.com/docs/errors/${code}`,
    status,
  });
  it.each<Row>([
    ['20003', 401, says(20003, 401), 'credentials_expired'],
    ['20005', 401, says(20005, 401), 'credentials_expired'],
    ['20429', 429, says(20429, 429), 'rate_limited', after(10_000)],
    ['20429 with its time', 429, says(20429, 429), 'rate_limited', after(3_000), { 'retry-after': '3' }],
    ['14107', 429, says(14107, 429), 'rate_limited', after(10_000)],
    ['any 429', 429, says(99, 429), 'rate_limited', after(10_000)],
    ['21211', 400, says(21211), 'recipient_unknown'],
    ['21614', 400, says(21614), 'recipient_unknown'],
    ['21612', 400, says(21612), 'recipient_unreachable'],
    ['21610', 400, says(21610), 'recipient_unreachable'],
    ['21408', 400, says(21408), 'permission_missing'],
    ['21617', 400, says(21617), 'text_too_long'],
    ['63016', 400, says(63016), 'window_closed'],
    ['21606', 400, says(21606), 'provider_refused'],
    ['any 5xx', 500, says(20500, 500), 'provider_unavailable', { ...again, ...unknown }],
    ['503', 503, says(20503, 503), 'provider_unavailable', again],
    ['a gateway', 502, '<html>MTc4NDE6dG9rZW4tMQ==', 'http_status', { ...again, ...unknown }],
    ['no id', 201, {}, 'invalid_response', unknown],
  ])('%s', (...row) => expectFailure(twilioSendSms, config, row));

  it('blanks what it logs in with', async () => {
    const answers = [{ status: 500, body: 'Basic MTc4NDE6dG9rZW4tMQ==' }];
    const { failure } = await runCase(twilioSendSms, { says: '', config, answers, gives: {} });
    expect(failure?.options.details).toEqual({ status: 500, body: 'Basic ***' });
  });
});
