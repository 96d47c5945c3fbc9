import { bearerIn, type StubAnswer, type StubApi, textOf } from './stub-api.js';

const says = (status: number, code: number, message: string): StubAnswer => ({
  status,
  body: { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status },
});
const unauthorized = says(401, 20003, 'Authenticate');

export const twilioApi: StubApi = {
  provider: 'twilio',
  troubles: {
    credentials_expired: unauthorized,
    window_closed: says(400, 63016, 'Failed to send freeform message because you are outside the allowed window.'),
    rate_limited: says(429, 20429, 'Too Many Requests'),
    recipient_unknown: says(400, 21211, "Invalid 'To' Phone Number"),
    recipient_unreachable: says(400, 21610, 'Attempt to send to unsubscribed recipient'),
    provider_unavailable: says(503, 20503, 'Service Unavailable'),
  },
  messageId: (count) => `SM${count.toString(16).padStart(32, '0')}`,
  read(call, isDead) {
    const [, account] = /^\/2010-04-01\/Accounts\/(\w+)\/Messages\.json$/.exec(call.path) ?? [];
    if (call.method !== 'POST' || account === undefined) return says(404, 20404, 'The requested resource was not found');
    const [user = '', ...rest] = Buffer.from(bearerIn(call, 'Basic'), 'base64').toString().split(':');
    const password = rest.join(':');
    if (password === '' || isDead(password) || !(user === account || user.startsWith('SK'))) return unauthorized;
    const field = (name: string) => textOf(call.body[name]);
    const [to, text] = [field('To'), field('Body')];
    if (!/^(whatsapp:)?\+\d{3,15}$/.test(to)) return says(400, 21211, `Invalid 'To' Phone Number: ${to}`);
    if ((field('From') === '') === (field('MessagingServiceSid') === '')) return says(400, 21603, "A 'From' phone number is required.");
    if (text === '' && field('MediaUrl') === '') return says(400, 21602, 'Message body is required.');
    if (text.length > 1600) return says(400, 21617, 'The concatenated message body exceeds the 1600 character limit.');
    return {
      account,
      to,
      texts: [text],
      limits: [{ key: 'account', calls: 100, perMs: 1_000 }],
      done: ([sid = '']) => ({ status: 201, body: { sid, account_sid: account, to, body: text, status: 'queued', error_code: null } }),
    };
  },
};
