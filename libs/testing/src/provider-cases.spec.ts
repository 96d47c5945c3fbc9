import { createServer, type RequestListener, type Server } from 'node:http';
import { type Answer, bodyOf, compareAnswer, fire, metaJson, type ProviderCase, providerCases, signInstagram } from './provider-cases.js';

const cases = providerCases('instagram');

function caseNamed(name: string): ProviderCase {
  const found = cases.find((each) => each.name === name);
  if (found === undefined) throw new Error(`No case ${name}`);
  return found;
}

describe('providerCases', () => {
  it('gives originals before their duplicates', () => {
    const names = cases.map(({ name }) => name);
    const duplicates = cases.filter(({ duplicateOf }) => duplicateOf !== undefined);
    expect(duplicates.length).toBeGreaterThan(0);
    for (const { name, duplicateOf } of duplicates) expect(names.indexOf(duplicateOf ?? '')).toBeLessThan(names.indexOf(name));
  });

  it('keeps the bytes that were signed', () => {
    for (const name of ['message-text', 'unicode-escaped', 'unicode-raw-utf8-signed', 'oversized']) {
      const each = caseNamed(name);
      expect(signInstagram(each.secret ?? '', bodyOf(each))).toBe(each.headers['X-Hub-Signature-256']);
    }
  });

  it('can make more of them: metaJson writes as Meta does', () => {
    const text = bodyOf(caseNamed('unicode-escaped')).toString();
    expect(metaJson(JSON.parse(text))).toBe(text);
  });
});

describe('fire', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  async function firedAt(listener: RequestListener, name: string): Promise<Answer> {
    const listening = createServer(listener);
    server = listening;
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    const address = listening.address();
    if (address === null || typeof address === 'string') throw new Error('The server listens on no port');
    return fire(`http://127.0.0.1:${address.port}`, caseNamed(name), 'channel-7');
  }

  const echo: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url, headers } = request;
      response.end(JSON.stringify({ method, url, signature: headers['x-hub-signature-256'], body: Buffer.concat(chunks).toString() }));
    });
  };

  it('sends a case as it is to the channel', async () => {
    const each = caseNamed('unicode-escaped');
    const { status, text } = await firedAt(echo, each.name);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual({
      method: 'POST',
      url: '/webhooks/channel-7/instagram/message',
      signature: each.headers['X-Hub-Signature-256'],
      body: bodyOf(each).toString(),
    });
  });

  it('sends a handshake with its parameters', async () => {
    const { url } = JSON.parse((await firedAt(echo, 'verify-ok')).text);
    expect(new URL(url, 'http://x').search).toBe('?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=sluice-verify-7Q2m');
  });

  it('survives a server that does not wait for the end of a huge body', async () => {
    const answer = await firedAt((_request, response) => {
      response.writeHead(413, { connection: 'close' }).end('too large', () => response.socket?.destroy());
    }, 'oversized');
    expect([413, 0]).toContain(answer.status);
    expect(compareAnswer(caseNamed('oversized'), answer)).toEqual([]);
  });
});

describe('compareAnswer', () => {
  const answer = (status: number, text: string, contentType = 'application/json'): Answer => ({
    status,
    text,
    headers: { 'content-type': contentType },
  });

  it('has nothing to say about what was expected', () => {
    expect(compareAnswer(caseNamed('message-text'), answer(200, '{"status":"received","more":1}'))).toEqual([]);
    expect(compareAnswer(caseNamed('verify-ok'), answer(200, '1158201444', 'text/plain; charset=utf-8'))).toEqual([]);
    expect(compareAnswer(caseNamed('verify-challenge-not-reflected-as-html'), answer(400, ''))).toEqual([]);
  });

  it('names what is wrong', () => {
    expect(compareAnswer(caseNamed('message-text'), answer(500, 'oops'))).toEqual(['status 500 instead of 200: oops']);
    expect(compareAnswer(caseNamed('message-text'), answer(200, 'null'))).toEqual(['body.status is undefined instead of "received"']);
    expect(compareAnswer(caseNamed('message-text'), answer(200, '<html>'))).toHaveLength(1);
    expect(compareAnswer(caseNamed('verify-ok'), answer(200, '"1158201444"', 'text/html'))).toHaveLength(2);
  });
});
