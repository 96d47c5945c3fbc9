import { createHmac } from 'node:crypto';
import { type HmacScheme, tokensMatch, verifyHmac } from './signatures.js';

const body = Buffer.from('{"text":"Ol\\u00e1 \\/"}');
const hex: HmacScheme = { header: 'x-signature', prefix: 'sha256=', algorithm: 'sha256', encoding: 'hex' };
const base64: HmacScheme = { header: 'x-signature', prefix: '', algorithm: 'sha1', encoding: 'base64' };

const signed = (secret: string, data: Buffer | string = body) => `sha256=${createHmac('sha256', secret).update(data).digest('hex')}`;
const verified = (value: string | string[] | undefined, secrets = ['current'], scheme = hex) =>
  verifyHmac({ 'x-signature': value }, body, scheme, secrets);

describe('T-10: a signature', () => {
  it('is accepted over the received bytes', () => expect(verified(signed('current'))).toEqual({ ok: true }));

  it('is accepted under any of several active secrets', () => {
    expect(verified(signed('old'), ['current', 'old'])).toEqual({ ok: true });
    expect(verified(signed('current'), ['current', 'old'])).toEqual({ ok: true });
  });

  it.each([
    ['missing', undefined, 'signature_missing'],
    ['sent twice, even if both are right', [signed('current'), signed('current')], 'signature_repeated'],
    ['sent twice and joined by the server', `${signed('current')}, ${signed('current')}`, 'signature_malformed'],
    ['empty', '', 'signature_malformed'],
    ['only a prefix', 'sha256=', 'signature_malformed'],
    ['truncated', signed('current').slice(0, -2), 'signature_malformed'],
    ['too long', `${signed('current')}00`, 'signature_malformed'],
    ['of an odd number of digits', signed('current').slice(0, -1), 'signature_malformed'],
    ['not hex', signed('current').replace(/.$/, 'g'), 'signature_malformed'],
    ['without its prefix', signed('current').slice('sha256='.length), 'signature_malformed'],
    ['of another algorithm', signed('current').replace('sha256=', 'sha1='), 'signature_malformed'],
    ['in base64', `sha256=${createHmac('sha256', 'current').update(body).digest('base64')}`, 'signature_malformed'],
    ['wrong', `sha256=${'0'.repeat(64)}`, 'signature_mismatch'],
    ['made with another endpoint’s secret', signed('another'), 'signature_mismatch'],
    ['made with a secret that is no longer active', signed('old'), 'signature_mismatch'],
    ['made with an empty secret', signed(''), 'signature_mismatch'],
    ['made over re-serialised JSON', signed('current', JSON.stringify(JSON.parse(body.toString()))), 'signature_mismatch'],
  ])('is refused if it is %s', (_what, value, reason) => expect(verified(value)).toEqual({ ok: false, reason }));

  it('is refused where the channel has no secret, or only an empty one', () => {
    expect(verified(signed(''), [''])).toEqual({ ok: false, reason: 'secret_missing' });
    expect(verified(signed(''), [])).toEqual({ ok: false, reason: 'secret_missing' });
  });

  it('may be base64, in its one canonical spelling', () => {
    const digest = createHmac('sha1', 'current').update(body).digest();
    expect(verified(digest.toString('base64'), ['current'], base64)).toEqual({ ok: true });
    for (const spelling of [digest.toString('base64').replace(/=+$/, ''), ` ${digest.toString('base64')}`, '']) {
      expect(verified(spelling, ['current'], base64)).toEqual({ ok: false, reason: 'signature_malformed' });
    }
  });

  it('in hex where base64 is expected can be read and is wrong, as is one cut short', () => {
    const digest = createHmac('sha1', 'current').update(body).digest();
    for (const spelling of [digest.toString('hex'), digest.toString('base64').slice(0, 8)]) {
      expect(verified(spelling, ['current'], base64)).toEqual({ ok: false, reason: 'signature_mismatch' });
    }
  });

  it('may be base64url, with and without padding', () => {
    const digest = createHmac('sha256', 'current').update(body).digest();
    const base64url: HmacScheme = { header: 'x-signature', prefix: '', algorithm: 'sha256', encoding: 'base64url' };
    expect(verified(digest.toString('base64url'), ['current'], base64url)).toEqual({ ok: true });
    expect(verified(`${digest.toString('base64url')}=`, ['current'], base64url)).toEqual({ ok: true });
    expect(verified(`+${digest.toString('base64url').slice(1)}`, ['current'], base64url)).toMatchObject({ ok: false });
  });
});

describe('a token', () => {
  it('matches itself alone', () => {
    expect(tokensMatch('verify-7Q2m', 'verify-7Q2m')).toBe(true);
    expect(tokensMatch('verify-7Q2mx', 'verify-7Q2m')).toBe(false);
    expect(tokensMatch('', 'verify-7Q2m')).toBe(false);
  });

  it('that was never set matches nothing', () => expect(tokensMatch('', '')).toBe(false));
});
