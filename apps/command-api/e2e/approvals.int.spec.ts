import { createHmac } from 'node:crypto';
import { newId } from '@sluice/kernel';
import { type CommandApi, commandApi } from './command-api.js';

let api: CommandApi;
let base: string;
let operator: string;
beforeAll(async () => {
  api = await commandApi();
  base = await api.app.getUrl();
  operator = await api.keyFor('operator');
});
afterAll(() => api.close());

/** A run as a worker leaves it at an approval within a loop, and the link to it. */
async function asked(title: string, message: string | null = null) {
  const nodes = [
    { id: 'start', type: 'trigger.manual', config: {} },
    { id: 'set', type: 'data.set', config: { values: {} } },
  ];
  const drawing = { name: 'w', nodes, edges: [{ source: 'start', target: 'set' }] };
  const workflow = (await api.call('POST', '/api/workflows', { key: api.admin, body: drawing })).body.id;
  await api.call('POST', `/api/workflows/${workflow}/publish`, { key: api.admin });
  const started = await api.call('POST', `/api/workflows/${workflow}/nodes/start/trigger`, { key: operator, body: { input: 1 } });
  const { executionId } = started.body;
  const iteration = 'orders-of-the-day:12/lines-of-the-order:3';
  await api.db.query('DELETE FROM tasks WHERE execution_id = $1', [executionId]);
  await api.db.query(
    `INSERT INTO waits (tenant_id, execution_id, node_id, iteration, workflow_id, kind, title, message) VALUES ($1, $2, 'ask', $3, $4, 'approval', $5, $6)`,
    [api.tenantId, executionId, iteration, workflow, title, message],
  );
  const { rows } = await api.db.query('SELECT effect_secret FROM tenants WHERE id = $1', [api.tenantId]);
  const said = Buffer.from(JSON.stringify([api.tenantId, executionId, 'ask', iteration])).toString('base64url');
  const signature = createHmac('sha256', rows[0].effect_secret).update(`sluice.approval\0${said}`).digest('base64url');
  return { executionId, iteration, path: `/api/approvals/${said}.${signature}` };
}

const page = async (path: string) => {
  const response = await fetch(`${base}${path}`);
  return { status: response.status, headers: response.headers, text: await response.text() };
};

describe('GET /api/approvals/:token', () => {
  it('is a page that says what is asked, as text, and loads nothing from elsewhere', async () => {
    const { path } = await asked('Refund <script>alert(1)</script>?', 'a "quoted" & <b>bold</b> order');
    const { status, headers, text } = await page(path);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store');
    const policy = headers.get('content-security-policy') ?? '';
    const nonce = /script-src 'nonce-([^']+)'/.exec(policy)?.[1] ?? 'none';
    expect(policy).toContain(`default-src 'none'`);
    expect(policy).not.toContain('unsafe');
    expect(text.match(/<(script|style)[^>]*>/g)).toEqual([`<style nonce="${nonce}">`, `<script nonce="${nonce}">`]);
    expect(text).toContain('Refund &lt;script&gt;alert(1)&lt;/script&gt;?');
    expect(text).toContain('a &quot;quoted&quot; &amp; &lt;b&gt;bold&lt;/b&gt; order');
    expect(text).not.toMatch(/(src|href)=/);
    expect((await page(path)).headers.get('content-security-policy')).not.toBe(policy);
  });

  it.each([
    ['a tag that ends the title', '</title></h1><script>alert(1)</script>'],
    ['an image with a handler', '<img src=x onerror=alert(1)>'],
    ['quotes that would end an attribute', `" autofocus onfocus="alert(1)" x='`],
    ['entities', '&lt;script&gt;alert(1)&lt;/script&gt; &#60;b&#62;'],
    ['a comment and a CDATA section', '<!--<![CDATA[ ]]>--><svg onload=alert(1)>'],
    ['a header', 'Refund?\r\nSet-Cookie: stolen=1\r\n\r\n<script>alert(1)</script>'],
    ['an address that runs', 'javascript:alert(1)'],
    ['a formula', '=HYPERLINK("http://evil.test","x")'],
    ['template marks and bidirectional overrides', '{{ constructor }} ${alert(1)} \u202E\u2028'],
  ])('B-19: %s is text, wherever it stands, and changes no header', async (_what, hostile) => {
    const [plain, attacked] = [await page((await asked('T', 'M')).path), await page((await asked(hostile, hostile)).path)];
    const masked = (text: string) => text.replaceAll(/nonce="[^"]+"/g, 'nonce');
    const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' } as const;
    const asText = hostile.replaceAll(/[&<>"']/g, (found) => escapes[found as keyof typeof escapes]);
    // The page of a harmless title and message, with these in their places.
    const expected = masked(plain.text)
      .replace('<title>T</title>', () => `<title>${asText}</title>`)
      .replace('<h1>T</h1>', () => `<h1>${asText}</h1>`)
      .replace('<p class="message">M</p>', () => `<p class="message">${asText}</p>`);
    expect(masked(attacked.text)).toBe(expected);
    const headers = ({ headers: all }: { headers: Headers }) => [...all.keys()].filter((name) => name !== 'date').toSorted();
    expect(headers(attacked)).toEqual(headers(plain));
    expect(attacked.headers.get('x-content-type-options')).toBe('nosniff');
    const policy = attacked.headers.get('content-security-policy') ?? '';
    for (const rule of [`default-src 'none'`, `form-action 'none'`, `base-uri 'none'`, `frame-ancestors 'none'`])
      expect(policy).toContain(rule);
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
  });

  it('B-19: nothing of a hostile address is repeated', async () => {
    const { status, text, headers } = await page(`/api/approvals/${encodeURIComponent('"><script>alert(1)</script>\r\nX: y')}`);
    expect([status, headers.get('x')]).toEqual([404, null]);
    expect(text).not.toContain('alert(1)');
  });

  it('is the same 404 for every link that is not ours', async () => {
    const { path } = await asked('Refund?');
    const [forged, nothing] = await Promise.all([page(`${path.slice(0, -2)}AA`), page('/api/approvals/nothing')]);
    expect([forged.status, nothing.status]).toEqual([404, 404]);
    const plain = ({ text }: { text: string }) => text.replaceAll(/nonce="[^"]+"/g, '');
    expect(plain(forged)).toBe(plain(nothing));
  });
});

describe('POST /api/approvals/:token', () => {
  it('decides once, without a login; then page and call say that it is decided', async () => {
    const { executionId, iteration, path } = await asked('Refund?');
    const answers = await Promise.all(
      (['approve', 'reject', 'approve'] as const).map((decision) =>
        api.call('POST', path, { body: { decision, comment: 'fine', by: 'Bo' } }),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([202, 409, 409]);
    const { rows } = await api.db.query('SELECT kind, node_id, iteration, payload FROM tasks WHERE execution_id = $1', [executionId]);
    const { status } = answers.find((answer) => answer.status === 202)?.body ?? {};
    const output = { decision: status === 'approved' ? 'approve' : 'reject', comment: 'fine', by: 'Bo', decidedAt: expect.any(String) };
    expect(rows).toEqual([{ kind: 'resume', node_id: 'ask', iteration, payload: { type: 'completed', handle: status, output } }]);
    const { text } = await page(path);
    expect(text).not.toContain('<form>');
  });

  it('B-19: what somebody writes is answered as JSON and kept as text', async () => {
    const { executionId, path } = await asked('Refund?');
    const hostile = '</script><img src=x onerror=alert(1)>';
    const answer = await fetch(`${base}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ decision: 'approve', by: hostile, comment: hostile }),
    });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([202, expect.stringContaining('application/json')]);
    expect(await answer.text()).not.toContain('onerror');
    const { rows } = await api.db.query('SELECT payload FROM tasks WHERE execution_id = $1', [executionId]);
    expect(rows).toMatchObject([{ payload: { output: { by: hostile, comment: hostile } } }]);
    expect((await page(path)).text).not.toContain('onerror');
  });

  it('refuses bad input and links that are not ours, and changes nothing', async () => {
    const { executionId, path } = await asked('Refund?');
    expect((await api.call('POST', path, { body: { decision: 'maybe' } })).status).toBe(400);
    expect((await api.call('POST', path, { body: { decision: 'approve', by: 'x'.repeat(201) } })).status).toBe(400);
    const [forged, nothing] = [`${path.slice(0, -2)}AA`, '/api/approvals/nothing'].map((one) =>
      api.call('POST', one, { body: { decision: 'approve' } }),
    );
    const [one, two] = await Promise.all([forged, nothing]);
    expect([one?.status, one?.body.detail]).toEqual([404, two?.body.detail]);
    expect((await api.db.query('SELECT 1 FROM waits WHERE execution_id = $1', [executionId])).rowCount).toBe(1);
  });
});

describe('controls over HTTP', () => {
  it('bulk and move-runs answer 200 to a dry run, and 202 when they do it', async () => {
    const bulk = (dryRun: boolean) =>
      api.call('POST', '/api/executions/bulk', { key: operator, body: { action: 'pause', filter: { customerId: 'nobody' }, dryRun } });
    expect([(await bulk(true)).status, (await bulk(false)).status]).toEqual([200, 202]);
    expect((await bulk(true)).body).toEqual({ count: 0 });
    const body = { action: 'pause', filter: { status: 'failed' } };
    const refused = await api.call('POST', '/api/executions/bulk', { key: operator, body });
    expect([refused.status, refused.body.errors]).toEqual([400, [expect.objectContaining({ path: 'filter.status' })]]);
    const moved = await api.call('POST', `/api/workflows/${newId()}/move-runs`, { key: operator, body: { fromVersion: 1, toVersion: 2 } });
    expect(moved.status).toBe(404);
  });

  it('a call in doubt within a loop is named by its key, URL-encoded', async () => {
    const { executionId } = await asked('Refund?');
    const path = `/api/executions/${executionId}/effects/${encodeURIComponent('orders:3/charge')}/resolve`;
    const { status, body } = await api.call('POST', path, { key: operator, body: { outcome: 'sent', output: {} } });
    expect([status, body.detail]).toEqual([409, expect.stringContaining('"orders:3/charge"')]);
  });
});
