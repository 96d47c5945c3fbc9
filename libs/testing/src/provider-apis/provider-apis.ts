import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isJsonObject, type JsonObject } from '@sluice/kernel';
import { discordApi } from './discord-api.js';
import { lineApi } from './line-api.js';
import { instagramApi, messengerApi, whatsappApi } from './meta-apis.js';
import { slackApi } from './slack-api.js';
import { type ApiCall, type ApiTrouble, isOrder, type Limit, type Order, type StubAnswer, type StubApi } from './stub-api.js';
import { telegramApi } from './telegram-api.js';
import { twilioApi } from './twilio-api.js';

const apis = [instagramApi, messengerApi, whatsappApi, telegramApi, slackApi, lineApi, discordApi, twilioApi] as const;

export type ApiProvider = 'instagram' | 'messenger' | 'whatsapp' | 'telegram' | 'slack' | 'line' | 'discord' | 'twilio';

/** A message that arrived. */
export interface Delivery {
  readonly provider: string;
  readonly account: string;
  /** As the call named the recipient; of an answer by a token: the token */
  readonly to: string;
  readonly text: string;
  readonly messageId: string;
  readonly reference?: string;
  readonly body: JsonObject;
  readonly atMs: number;
}

/** What becomes of the next call. `lost`: it is done, and the connection breaks before the answer. */
export type NextCall = StubAnswer | ApiTrouble | 'lost';

/** The providers' APIs on one port of this machine. Any token is good until it is revoked. */
export interface ProviderApis {
  /** `host:port`, for OUTBOUND_ALLOW */
  readonly host: string;
  /** `<PROVIDER>_API_URL` for each of them */
  readonly env: Readonly<Record<string, string>>;
  urlOf(provider: ApiProvider): string;
  /** What arrived, in order */
  delivered(where?: Partial<Pick<Delivery, 'provider' | 'to' | 'text'>>): readonly Delivery[];
  /** How many calls came to a provider, whatever became of them */
  calls(provider: ApiProvider): number;
  /** How many of them were over a limit */
  refusedByLimits(provider: ApiProvider): number;
  /** Decides about the calls that come next, one by one. */
  next(provider: ApiProvider, ...calls: readonly NextCall[]): void;
  /** An access token, or one for an answer: no longer valid */
  revoke(token: string): void;
  /** What is written to this recipient goes wrong, until it goes well again. */
  refuse(to: string, trouble: ApiTrouble | undefined): void;
  stop(): Promise<void>;
}

const msOfLimits = 0.95;

export async function startProviderApis(): Promise<ProviderApis> {
  const stubs = new Map<string, Stub>(apis.map((api) => [api.provider, new Stub(api)]));
  const revoked = new Set<string>();
  const troubles = new Map<string, ApiTrouble>();
  const deliveries: Delivery[] = [];
  const stubOf = (provider: string): Stub => {
    const stub = stubs.get(provider);
    if (!stub) throw new Error(`There is no stub of ${provider}.`);
    return stub;
  };

  const server = createServer((request, response) => {
    void answered(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  async function answered(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, provider = '', path = '/'] = /^\/(\w+)(\/[^?]*)/.exec(request.url ?? '') ?? [];
    const stub = stubOf(provider);
    const answer = stub.answer(await callOf(request, path), { revoked, troubles, deliveries });
    if (answer === 'lost') return void request.socket.destroy();
    const { status, headers = {}, body } = answer;
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const host = `127.0.0.1:${port}`;
  const urlOf = (provider: string) => `http://${host}/${provider}`;

  return {
    host,
    env: Object.fromEntries(apis.map(({ provider }) => [`${provider.toUpperCase()}_API_URL`, urlOf(provider)])),
    urlOf,
    delivered: ({ provider, to, text } = {}) =>
      deliveries.filter(
        (one) => (provider ?? one.provider) === one.provider && (to ?? one.to) === one.to && (text ?? one.text) === one.text,
      ),
    calls: (provider) => stubOf(provider).calls,
    refusedByLimits: (provider) => stubOf(provider).refusedByLimits,
    next: (provider, ...calls) => stubOf(provider).nextCalls.push(...calls),
    revoke: (token) => revoked.add(token),
    refuse: (to, trouble) => (trouble === undefined ? troubles.delete(to) : troubles.set(to, trouble)),
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

interface World {
  readonly revoked: ReadonlySet<string>;
  /** By recipient */
  readonly troubles: ReadonlyMap<string, ApiTrouble>;
  readonly deliveries: Delivery[];
}

/** One provider's API with its memory. */
class Stub {
  readonly nextCalls: NextCall[] = [];
  calls = 0;
  refusedByLimits = 0;
  private readonly ordered = new Map<string, readonly string[]>();
  private readonly times = new Map<string, number[]>();
  private messages = 0;

  constructor(private readonly api: StubApi) {}

  answer(call: ApiCall, { revoked, troubles, deliveries }: World): StubAnswer | 'lost' {
    this.calls += 1;
    const next = this.nextCalls.shift();
    if (next !== undefined && next !== 'lost') return typeof next === 'string' ? this.trouble(next) : next;
    const order = this.api.read(call, (token) => revoked.has(token));
    if (!isOrder(order)) return order;
    const trouble = troubles.get(order.to);
    if (trouble !== undefined) return this.trouble(trouble);
    const before = order.once && this.ordered.get(order.once.name);
    if (order.once && before) return order.once.again(before);
    if (!this.hasRoom(order)) {
      this.refusedByLimits += 1;
      return this.trouble('rate_limited');
    }
    const answer = this.deliver(order, call, deliveries);
    return next === 'lost' ? 'lost' : answer;
  }

  private trouble(name: ApiTrouble): StubAnswer {
    const answer = this.api.troubles[name];
    if (!answer) throw new Error(`${this.api.provider} knows no ${name}.`);
    return answer;
  }

  private deliver(order: Order, { body }: ApiCall, deliveries: Delivery[]): StubAnswer {
    const { account, to, texts, reference, once, replaces, done } = order;
    const replaced = replaces === undefined ? undefined : this.ordered.get(replaces);
    const messageIds = replaced ?? texts.map(() => this.api.messageId((this.messages += 1)));
    for (const [index, text] of texts.entries()) {
      const messageId = messageIds[index] ?? '';
      const delivery = {
        provider: this.api.provider,
        account,
        to,
        text,
        messageId,
        body,
        atMs: Date.now(),
        ...(reference !== undefined && { reference }),
      };
      const at = deliveries.findIndex((one) => replaced !== undefined && one.messageId === messageId);
      if (at < 0) deliveries.push(delivery);
      else deliveries[at] = delivery;
    }
    for (const name of [once?.name, replaces]) if (name !== undefined) this.ordered.set(name, messageIds);
    return done(messageIds);
  }

  /** A call that is sent away counts for no limit. A little is let through: on the way calls come closer together. */
  private hasRoom({ account, limits }: Order): boolean {
    const now = performance.now();
    const recent = limits.map((limit): [Limit, number[], string] => {
      const key = `${account} ${limit.key}`;
      return [limit, (this.times.get(key) ?? []).filter((time) => now - time < limit.perMs * msOfLimits), key];
    });
    if (recent.some(([{ calls }, times]) => times.length >= calls)) return false;
    for (const [, times, key] of recent) this.times.set(key, [...times, now]);
    return true;
  }
}

async function callOf(request: IncomingMessage, path: string): Promise<ApiCall> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk as Uint8Array));
  const text = Buffer.concat(chunks).toString();
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const isForm = headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;
  return { method: request.method ?? '', path, headers, body: isForm ? Object.fromEntries(new URLSearchParams(text)) : jsonIn(text) };
}

function jsonIn(text: string): JsonObject {
  try {
    const body: unknown = JSON.parse(text);
    return isJsonObject(body) ? body : {};
  } catch {
    return {};
  }
}
