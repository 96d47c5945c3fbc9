import type { ProviderRequest } from '../adapter.js';
import { instagram } from './instagram.js';

describe('the handshake', () => {
  const asked = (query: ProviderRequest['query'], verifyToken: string | undefined = 'token') =>
    instagram.handshake?.(
      { method: 'GET', url: '/', body: Buffer.alloc(0), headers: {}, query, receivedAt: new Date(0) },
      { externalAccountId: null, config: {}, publicUrl: '', secrets: { signingSecrets: [], verifyToken } },
    );
  const query = { 'hub.mode': 'subscribe', 'hub.verify_token': 'token', 'hub.challenge': '007' };

  it('gives the challenge back as text, leading zeros and all', () => {
    expect(asked(query)).toEqual({ ok: true, status: 200, contentType: 'text/plain; charset=utf-8', body: '007' });
  });

  it.each(['hub.mode', 'hub.verify_token', 'hub.challenge'])('refuses a repeated %s', (name) => {
    expect(asked({ ...query, [name]: ['subscribe', 'token'] })).toEqual({ ok: false, reason: 'verify_parameter_repeated' });
  });

  it.each([
    ['hub.mode', undefined, 'verify_mode_missing'],
    ['hub.mode', 'unsubscribe', 'verify_mode_missing'],
    ['hub.verify_token', undefined, 'verify_token_mismatch'],
    ['hub.verify_token', 'toke', 'verify_token_mismatch'],
    ['hub.challenge', undefined, 'verify_challenge_missing'],
  ])('refuses %s = %s', (name, value, reason) => expect(asked({ ...query, [name]: value })).toEqual({ ok: false, reason }));

  it('refuses everybody where the channel has no token', () => {
    expect(asked({ ...query, 'hub.verify_token': '' }, '')).toEqual({ ok: false, reason: 'secret_missing' });
  });
});
