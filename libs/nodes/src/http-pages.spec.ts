import { compileExpression } from '@sluice/expressions';
import type { Json, JsonObject } from '@sluice/kernel';
import { httpRequest } from './http-request.js';
import { type EffectTools, type HttpCredential, NodeFailure, type OutboundRequest, type OutboundResponse } from './node-type.js';

const scope = { trigger: null, input: null, nodes: {}, execution: {}, workflow: {}, customer: {}, env: {} };
const url = 'https://api.example.com/orders';

interface Page {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: Json;
}

/** Runs the node against a target that gives these answers in turn. */
async function ask(config: JsonObject, pages: readonly (Page | NodeFailure)[], credential?: HttpCredential) {
  const requests: OutboundRequest[] = [];
  const tools: EffectTools = {
    writeState: () => Promise.reject(new Error('no state here')),
    idempotencyKey: 'key',
    signal: new AbortController().signal,
    send: (request): Promise<OutboundResponse> => {
      const page = pages[requests.push(request) - 1] ?? new Error('one request too many');
      if (page instanceof Error) return Promise.reject(page);
      const headers = { 'content-type': 'application/json', ...page.headers };
      return Promise.resolve({ status: page.status ?? 200, headers, body: Buffer.from(JSON.stringify(page.body ?? null)) });
    },
    channel: () => Promise.reject(new Error('no channel')),
    pace: () => Promise.reject(new Error('no channel')),
    replyToken: () => undefined,
    lastMessageAt: () => Promise.reject(new Error('no channel')),
    credential: () => (credential === undefined ? Promise.reject(new Error('no credential')) : Promise.resolve(credential)),
    providerApi: () => '',
  };
  const whole: JsonObject = { url, pageItems: 'item.body', ...config };
  const evaluate = (field: string, locals: object): Json | undefined | Promise<Json | undefined> => {
    const source = whole[field];
    const slow = () => Promise.resolve(undefined);
    return typeof source === 'string' ? compileExpression(source).evaluate({ ...scope, ...locals }, slow) : undefined;
  };
  const outcome = await httpRequest
    .run({ config: whole, input: null, trigger: null, now: new Date(0), evaluate }, tools)
    .catch((error: unknown) => error);
  return { outcome, requests, urls: requests.map((request) => request.url) };
}

const link = (target: string): Page['headers'] => ({ link: `<${target}>; rel="next"` });
const output = (body: Json, pages: number, complete = true) => ({ kind: 'done', handle: 'out', output: { body, pages, complete } });

describe('http.request, page after page', () => {
  it('follows Link headers and puts out all items, with status and headers of the last page', async () => {
    const { outcome, urls } = await ask({ nextPage: 'item.links.next' }, [
      { headers: link('/orders?page=2'), body: [1, 2] },
      { headers: link(`${url}?page=3`), body: [3] },
      { headers: { 'x-left': '0' }, body: [4] },
    ]);
    expect(urls).toEqual([url, `${url}?page=2`, `${url}?page=3`]);
    expect(outcome).toEqual({
      kind: 'done',
      handle: 'out',
      output: {
        status: 200,
        headers: { 'content-type': 'application/json', 'x-left': '0' },
        body: [1, 2, 3, 4],
        pages: 3,
        complete: true,
      },
    });
  });

  it.each<[string, Json]>([
    ['nothing', {}],
    ['null', { next: null }],
    ['an empty text', { next: '' }],
    ['false', { next: false }],
  ])('ends with a page after which comes %s, also with the first', async (_what, body) => {
    const { outcome, requests } = await ask({ nextPage: 'item.body.next', pageItems: 'item.body.orders' }, [{ body }]);
    expect(requests).toHaveLength(1);
    expect(outcome).toMatchObject(output([], 1));
  });

  it('sets parameters of the URL, such as a cursor, and keeps the others', async () => {
    const config = {
      query: { limit: 2, cursor: 'a' },
      nextPage: '{ "query": { "cursor": item.body.next } }',
      pageItems: 'item.body.orders',
    };
    const { outcome, urls } = await ask(config, [{ body: { orders: [1, 2], next: 'b&c' } }, { body: { orders: [3], next: null } }]);
    expect(urls).toEqual([`${url}?limit=2&cursor=a`, `${url}?limit=2&cursor=b%26c`]);
    expect(outcome).toMatchObject(output([1, 2, 3], 2));
  });

  it('counts up, by the number of the page', async () => {
    const config = { nextPage: 'item.body.orders ? { "query": { "page": item.page + 1 } }', pageItems: 'item.body.orders' };
    const { urls, outcome } = await ask(config, [{ body: { orders: [1] } }, { body: { orders: [2] } }, { body: { orders: [] } }]);
    expect(urls).toEqual([url, `${url}?page=2`, `${url}?page=3`]);
    expect(outcome).toMatchObject(output([1, 2], 3));
  });

  it.each([
    ['json', '{"size":2}', '{"size":2,"start":"b"}'],
    ['form', 'size=2', 'size=2&start=b'],
  ])('sets members of the body: %s', async (bodyType, first, second) => {
    const config = { method: 'POST', bodyType, body: { size: 2 }, nextPage: '{ "body": { "start": item.body.next } }' };
    const { requests, outcome } = await ask({ ...config, pageItems: 'item.body.id' }, [
      { body: { id: 1, next: 'b' } },
      { body: { id: 2 } },
    ]);
    expect(requests.map(({ body }) => body)).toEqual([first, second]);
    expect(outcome).toMatchObject(output([1, 2], 2));
  });

  it('Promise 4: gives every page a key of its own, the same on every attempt', async () => {
    const pages = [{ headers: link('?2') }, { headers: link('?3') }, {}];
    const keys = async () => (await ask({ nextPage: 'item.links.next' }, pages)).requests.map(({ headers }) => headers['idempotency-key']);
    expect(await keys()).toEqual(['key', 'key-2', 'key-3']);
    expect(await keys()).toEqual(await keys());
  });

  it('stops at `maxPages` and says that there is more', async () => {
    const pages = Array.from({ length: 12 }, (_, index) => ({ headers: link(`?page=${index + 2}`), body: [index] }));
    expect((await ask({ nextPage: 'item.links.next', maxPages: 2 }, pages)).outcome).toMatchObject(output([0, 1], 2, false));
    expect((await ask({ nextPage: 'item.links.next' }, pages)).outcome).toMatchObject({ output: { pages: 10, complete: false } });
  });

  it('takes what is no list for one item', async () => {
    const { outcome } = await ask({ nextPage: 'item.links.next' }, [{ headers: link('?2'), body: { id: 1 } }, { body: null }]);
    expect(outcome).toMatchObject(output([{ id: 1 }], 2));
  });

  it('does not go round in circles', async () => {
    const { outcome, requests } = await ask({ nextPage: 'item.links.next' }, [{ headers: link('?2') }, { headers: link(url) }]);
    expect(requests).toHaveLength(2);
    expect(outcome).toMatchObject({ code: 'pages_repeat', options: { retryable: false } });
  });

  it.each<[string, string]>([
    ['7', 'a number'],
    ['[1]', 'a list'],
    ['true', 'a boolean'],
    ['{ "cursor": "a" }', 'an object with other members'],
    ['{ "query": 1 }', '`query` must be an object'],
    ['{ "query": { "a": { "b": 1 } } }', '`nextPage.query.a` must be a text'],
    ['{ "body": { "a": 1 } }', 'can change the `body` only where that is an object'],
    ['"ftp://api.example.com/"', 'no URL'],
    ['"http://["', 'no URL'],
  ])('fails for what is no next page: %s', async (nextPage, problem) => {
    const { outcome } = await ask({ nextPage }, [{}]);
    expect(outcome).toMatchObject({ code: 'config_invalid', message: expect.stringContaining(problem) });
  });

  it.each([0, 101, 1.5, 'many'])('sends nothing when a template made nonsense of `maxPages`: %s', async (maxPages) => {
    const { outcome, requests } = await ask({ nextPage: 'item.links.next', maxPages }, []);
    expect(outcome).toMatchObject({ code: 'config_invalid' });
    expect(requests).toEqual([]);
  });

  it('asks for one page, and puts it out as ever, if nothing is said of a next one', async () => {
    const { outcome } = await ask({}, [{ headers: link('?2'), body: [1] }]);
    expect(outcome).toEqual({
      kind: 'done',
      handle: 'out',
      output: { status: 200, headers: { 'content-type': 'application/json', ...link('?2') }, body: [1] },
    });
  });
});

describe('pages that fail', () => {
  const config = { nextPage: 'item.links.next' };

  it('say which one it was, and that the target may be asked again', async () => {
    const { outcome } = await ask(config, [{ headers: link('?2') }, { status: 503, headers: { 'retry-after': '7' } }]);
    expect(outcome).toMatchObject({
      code: 'http_status',
      message: 'Page 2: The target answered 503',
      options: { retryable: true, retryAfterMs: 7_000, outcomeUnknown: false },
    });
  });

  it('leave it open whether the request has acted, unless it was only a question: the first page was sent', async () => {
    const { outcome } = await ask({ ...config, method: 'POST' }, [{ headers: link('?2') }, { status: 503 }]);
    expect(outcome).toMatchObject({ options: { retryable: true, outcomeUnknown: true } });
  });

  it('N-02: have one limit together', async () => {
    const page = { headers: link('?2'), body: 'x'.repeat(600) };
    const { outcome, requests } = await ask({ ...config, maxResponseBytes: 1_000 }, [page, { body: 'y'.repeat(600) }]);
    expect(requests.map(({ maxResponseBytes }) => maxResponseBytes)).toEqual([1_000, 398]);
    const failure = { code: 'response_too_large', options: { retryable: false } };
    expect(outcome).toMatchObject({ ...failure, message: 'Page 2: All pages together are over the limit of 1000 bytes: ask for fewer' });

    const { outcome: cut } = await ask({ ...config, maxResponseBytes: 1_000 }, [
      page,
      new NodeFailure('response_too_large', 'The response is over the limit of 398 bytes', { retryable: false, outcomeUnknown: true }),
    ]);
    expect(cut).toMatchObject({ ...failure, message: 'Page 2: All pages together are over the limit of 1000 bytes: ask for fewer' });
  });

  it('N-02: are not asked for when nothing is left of it', async () => {
    const { outcome, requests } = await ask({ ...config, maxResponseBytes: 4 }, [{ headers: link('?2') }, {}]);
    expect(requests).toHaveLength(1);
    expect(outcome).toMatchObject({ code: 'response_too_large' });
  });
});

describe('pages elsewhere', () => {
  const marker = { type: 'bearer', token: 'marker-secret' } as const;
  const config = { nextPage: 'item.links.next', headers: { 'X-Api-Key': 'mine' } };
  const proven = { ...config, credential: '018f3b5e-0000-7000-8000-00000000000c' };

  it.each(['https://evil.test/2', 'http://api.example.com/2', 'https://api.example.com:8443/2', '//evil.test/2', 'https:\\\\evil.test/2'])(
    'T-18: what the author wrote into the headers goes to no other origin: %s',
    async (target) => {
      const { outcome, requests } = await ask(config, [{ headers: link(target) }, {}]);
      expect(requests).toHaveLength(1);
      expect(outcome).toMatchObject({
        code: 'next_page_refused',
        message: expect.stringMatching(/^Page 2: /),
        options: { retryable: false },
      });
    },
  );

  it.each(['https://evil.test/2', 'http://api.example.com/2', 'https://api.example.com@evil.test/2'])(
    'T-18: a credential goes to its hosts alone: %s',
    async (target) => {
      const { outcome, requests } = await ask(proven, [{ headers: link(target) }, {}], {
        secret: marker,
        allowedHosts: ['api.example.com'],
      });
      expect(requests).toHaveLength(1);
      expect(outcome).toMatchObject({ code: 'credential_not_allowed', options: { retryable: false } });
    },
  );

  it('T-18: a credential goes with every page to those that it allows', async () => {
    const allowedHosts = ['api.example.com', 'api2.example.com'];
    const pages = [{ headers: link('https://api2.example.com/2') }, {}];
    const { outcome, requests } = await ask(proven, pages, { secret: marker, allowedHosts });
    expect(requests.map(({ headers }) => headers['authorization'])).toEqual(['Bearer marker-secret', 'Bearer marker-secret']);
    expect(outcome).toMatchObject({ kind: 'done', output: { pages: 2 } });
  });

  it('T-18: is blanked on every page', async () => {
    const said = { 'x-echo': 'Bearer marker-secret' };
    const pages = [
      { headers: { ...link('?2'), ...said }, body: ['marker-secret'] },
      { headers: said, body: ['marker-secret'] },
    ];
    const { outcome } = await ask(proven, pages, { secret: marker, allowedHosts: ['api.example.com'] });
    expect(outcome).toMatchObject(output(['***', '***'], 2));
    expect(JSON.stringify(outcome)).not.toContain('marker');
  });
});
