/** Where the parts of a running Sluice are; in standalone all are the same. */
export interface SluiceUrls {
  readonly gateway: string;
  readonly command: string;
  readonly query: string;
}

export interface ApiAnswer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** Calls the APIs as a frontend would: GET goes to the query API, all else to the command API. */
export class Api {
  constructor(
    readonly urls: SluiceUrls,
    private readonly apiKey: string,
  ) {}

  async call<Body = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<ApiAnswer<Body>> {
    const response = await fetch(`${method === 'GET' ? this.urls.query : this.urls.command}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.apiKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: (text === '' ? {} : JSON.parse(text)) as Body };
  }

  /** A command that must succeed. */
  async made<Body = { id: string }>(path: string, body?: unknown): Promise<Body> {
    const answer = await this.call<Body>('POST', path, body);
    if (answer.status >= 300) throw new Error(`POST ${path} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** A query that must succeed. */
  async read<Body>(path: string): Promise<Body> {
    const answer = await this.call<Body>('GET', path);
    if (answer.status >= 300) throw new Error(`GET ${path} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** Every item of a list, page by page. */
  async all<Item>(path: string): Promise<Item[]> {
    const items: Item[] = [];
    for (let page = 1; ; page += 1) {
      const answer = await this.read<{ items: Item[]; total: number }>(`${path}${path.includes('?') ? '&' : '?'}page=${page}&limit=200`);
      items.push(...answer.items);
      if (answer.items.length === 0 || items.length >= answer.total) return items;
    }
  }
}
