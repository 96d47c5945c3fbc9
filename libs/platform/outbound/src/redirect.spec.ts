import { type Hop, redirected } from './redirect.js';

const headers = {
  authorization: 'Bearer t',
  cookie: 'a=1',
  'x-api-key': 'k',
  'content-type': 'application/json',
  accept: '*/*',
  'idempotency-key': 'i',
};
const post: Hop = { method: 'POST', url: new URL('https://a.test/start'), headers, body: '{}' };
const to = (url: string) => new URL(url);

describe('N-06 redirects', () => {
  it.each([301, 302, 303])('%i asks for the result of a POST with GET, without its body', (status) => {
    const next = redirected(post, status, to('https://a.test/next'));
    expect(next).toEqual({
      method: 'GET',
      url: to('https://a.test/next'),
      headers: { authorization: 'Bearer t', cookie: 'a=1', 'x-api-key': 'k', accept: '*/*', 'idempotency-key': 'i' },
    });
  });

  it.each([307, 308])('%i repeats the request as it is', (status) => {
    expect(redirected(post, status, to('https://a.test/next'))).toEqual({ ...post, url: to('https://a.test/next') });
  });

  it('leaves PUT alone on 301, turns it into GET on 303, and HEAD stays HEAD', () => {
    expect(redirected({ ...post, method: 'PUT' }, 301, to('https://a.test/'))?.method).toBe('PUT');
    expect(redirected({ ...post, method: 'PUT' }, 303, to('https://a.test/'))?.method).toBe('GET');
    expect(redirected({ ...post, method: 'HEAD' }, 303, to('https://a.test/'))?.method).toBe('HEAD');
  });

  it.each(['https://b.test/', 'https://a.test:8443/', 'https://sub.a.test/'])(
    'takes nothing that might be a credential to another origin: %s',
    (url) => {
      expect(redirected(post, 307, to(url))?.headers).toEqual({
        'content-type': 'application/json',
        accept: '*/*',
        'idempotency-key': 'i',
      });
    },
  );

  it('does not step down from https to http with a credential', () => {
    expect(redirected(post, 307, to('http://a.test/'))).toBeUndefined();
    expect(redirected({ ...post, headers: { accept: '*/*' } }, 307, to('http://a.test/'))?.headers).toEqual({ accept: '*/*' });
  });
});
