import type { Json, JsonObject } from '@sluice/kernel';
import { flowRespond } from './flow-respond.js';
import type { TaskTools } from './node-type.js';

type Answer = Parameters<TaskTools['respond']>[0];
const nothing = () => Promise.reject(new Error('nothing else is needed'));

async function respond(config: JsonObject, delivered = true) {
  const answers: Answer[] = [];
  const tools: TaskTools = {
    signal: new AbortController().signal,
    runCode: nothing,
    readState: nothing,
    respond: (answer) => {
      answers.push(answer);
      return Promise.resolve(delivered);
    },
  };
  const outcome = await flowRespond
    .run({ config, input: null, trigger: null, now: new Date(0), evaluate: () => undefined }, tools)
    .catch((error: unknown) => error);
  return { outcome, answers, answer: answers[0] };
}

const always = { 'x-content-type-options': 'nosniff', 'content-security-policy': "default-src 'none'; sandbox" };

describe('flow.respond', () => {
  it.each<[Json, string, string]>([
    [{ ok: true }, 'application/json', '{"ok":true}'],
    [[1], 'application/json', '[1]'],
    [7, 'application/json', '7'],
    [null, 'application/json', 'null'],
    ['Thank you!', 'text/plain; charset=utf-8', 'Thank you!'],
    ['', 'text/plain; charset=utf-8', ''],
  ])('answers with 200 and the body: %j as %s', async (body, type, text) => {
    expect((await respond({ body })).answer).toEqual({ status: 200, headers: { 'content-type': type, ...always }, body: text });
  });

  it('answers without a body, too', async () => {
    expect((await respond({ status: 204 })).answer).toEqual({ status: 204, headers: always, body: '' });
    expect((await respond({})).answer).toEqual({ status: 200, headers: always, body: '' });
  });

  it.each([true, false])('goes on either way, and says whether somebody heard it: %s', async (delivered) => {
    expect((await respond({ body: 'x' }, delivered)).outcome).toEqual({ kind: 'done', handle: 'out', output: { delivered } });
  });

  it('takes headers that do no harm', async () => {
    const headers = { 'Content-Type': 'text/xml; charset=UTF-8', 'Cache-Control': 'no-store', 'X-Order': 7, ETag: '"a"', 'X-None': null };
    expect((await respond({ body: '<Response/>', headers })).answer?.headers).toEqual({
      'content-type': 'text/xml; charset=UTF-8',
      'cache-control': 'no-store',
      'x-order': '7',
      etag: '"a"',
      ...always,
    });
  });

  it.each(['application/json', 'application/problem+json', 'application/xml', 'text/csv', 'text/plain;charset="utf-8"'])(
    'takes %s',
    async (type) => {
      expect((await respond({ body: 'x', headers: { 'content-type': type } })).answer?.headers).toMatchObject({ 'content-type': type });
    },
  );

  it.each([301, 302, 303, 307, 308])('may lead elsewhere with %i', async (status) => {
    const { answer } = await respond({ status, headers: { Location: 'https://shop.example.com/thanks' } });
    expect(answer).toMatchObject({ status, headers: { location: 'https://shop.example.com/thanks' } });
  });

  it.each([
    'text/html',
    'application/xhtml+xml',
    'image/svg+xml',
    'text/javascript',
    'application/javascript',
    'multipart/x-mixed-replace',
    'text/plain; charset=utf-7',
    'text/plain, text/html',
    'application/json; x="\ttext/html"',
  ])('answers nothing that a browser runs: %s', async (type) => {
    const { outcome, answers } = await respond({ body: '<script>', headers: { 'Content-Type': type } });
    expect(outcome).toMatchObject({ code: 'config_invalid', message: expect.stringContaining('`headers.Content-Type` must be JSON') });
    expect(answers).toEqual([]);
  });

  it.each([
    'Set-Cookie',
    'Set-Cookie2',
    'Refresh',
    'Link',
    'Content-Length',
    'Transfer-Encoding',
    'Connection',
    'Content-Security-Policy',
    'Strict-Transport-Security',
    'Access-Control-Allow-Origin',
    'WWW-Authenticate',
    'Clear-Site-Data',
    'Content-Encoding',
    'X-Accel-Redirect',
    'X-Sendfile',
    'X-Send-File',
    'X-LiteSpeed-Location',
    'X-Reproxy-URL',
    'X-Forwarded-For',
    'X-Content-Type-Options',
    'X-Frame-Options',
    'X-Correlation-Id',
    'X-',
    'X-A b',
  ])('does not set %s', async (name) => {
    const { outcome, answers } = await respond({ headers: { [name]: 'x' } });
    expect(outcome).toMatchObject({ code: 'config_invalid', message: expect.stringContaining(`\`headers.${name}\` cannot be set`) });
    expect(answers).toEqual([]);
  });

  it.each<[JsonObject, string]>([
    [{ status: 200, headers: { Location: 'https://x.test/' } }, '`headers.Location` needs a status of 301'],
    [{ status: 302, headers: { Location: '/here' } }, '`headers.Location` must be a URL'],
    [{ status: 302, headers: { Location: 'javascript:alert(1)' } }, '`headers.Location` must be a URL'],
    [{ headers: { 'X-A': 'a\r\nSet-Cookie: b' } }, '`headers.X-A` has characters that a header cannot carry'],
    [{ headers: { 'X-A': 'ű' } }, '`headers.X-A` has characters that a header cannot carry'],
    [{ headers: { 'X-A': [1] } }, '`headers.X-A` must be a text'],
    [{ headers: 'X-A: b' }, '`headers` must be an object'],
    [{ headers: { 'X-A': 'x'.repeat(8 * 1024) } }, '`headers` are over the limit of 8192 bytes together'],
    [{ status: 199 }, '`status` must be a whole number from 200 to 599'],
    [{ status: 'ok' }, '`status` must be a whole number from 200 to 599'],
    [{ status: 204, body: 'x' }, '`body` must be left out with the status 204'],
    [{ body: 'ä'.repeat(131_073) }, '`body` is over the limit of 262144 bytes'],
  ])('answers nothing when a template made nonsense of the config (%#)', async (config, problem) => {
    const { outcome, answers } = await respond(config);
    expect(outcome).toMatchObject({ code: 'config_invalid', message: expect.stringContaining(problem), options: { retryable: false } });
    expect(answers).toEqual([]);
  });

  it('B-04: writes what no store keeps as what it is not', async () => {
    expect((await respond({ body: 'a\u0000b\ud800' })).answer?.body).toBe('a\ufffdb\ufffd');
  });
});
