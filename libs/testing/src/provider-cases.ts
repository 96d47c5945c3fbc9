import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import { isJsonObject, type JsonObject } from '@sluice/kernel';

/** What a case expects of one canonical event; a field that is absent is absent in the event too, attachments apart. */
export interface ExpectedEvent {
  readonly kind: string;
  readonly action: string;
  /** null: any stable key */
  readonly dedupeKey: string | null;
  readonly accountId: string | null;
  readonly customerId: string | null;
  readonly direction: 'in' | 'out';
  readonly occurredAt: string | null;
  readonly triggers: boolean;
  readonly text?: string;
  readonly payload?: string;
  readonly emoji?: string;
  /** Types, in order */
  readonly attachments?: readonly string[];
  readonly replyTo?: string;
  readonly ref?: string;
  readonly foreignAccount?: boolean;
  readonly conversationId?: string;
  readonly customerAliases?: readonly string[];
  readonly errorCode?: string | number;
}

/** One recorded or derived call of a provider, with the answer and the events that it must lead to. */
export interface ProviderCase {
  readonly name: string;
  readonly provider: string;
  readonly triggerType: string;
  readonly actionType: string;
  /** `/webhooks/<some uuid>/<triggerType>/<actionType>`; `fire` puts the channel's id in */
  readonly path: string;
  readonly method: string;
  /** Names as the provider writes them */
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  /** What the channel stores as signing secret; null where no call needs one (handshakes) */
  readonly secret: string | null;
  readonly verifyToken: string | undefined;
  /** The channel's, in camel case */
  readonly config: JsonObject;
  /** The channel's `externalAccountId` */
  readonly accountId: string | null;
  /** The clock at which the case holds */
  readonly receivedAt: Date;
  /** Deliver it after that case: nothing new may happen */
  readonly duplicateOf: string | undefined;
  readonly expect: {
    readonly status: number;
    readonly statusAlsoOk: readonly number[];
    readonly contentType: string | undefined;
    readonly body: string | JsonObject | undefined;
    readonly events: readonly ExpectedEvent[];
    readonly rejectedBecause: string | undefined;
  };
  /** How to make the body; see `bodyOf` */
  readonly rawBody: string | BodyRecipe;
}

interface BodyRecipe {
  readonly prefix: string;
  readonly fill: string;
  readonly fill_count: number;
  readonly suffix: string;
}

/** The files as they are: names in snake_case, the body as text or, where it is huge, as a recipe. */
interface CaseFile {
  readonly name: string;
  readonly provider: string;
  readonly trigger_type: string;
  readonly action_type: string;
  readonly path: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly query: Record<string, string | string[]>;
  readonly raw_body: string | null;
  readonly raw_body_recipe?: BodyRecipe;
  readonly secret: string | null;
  readonly config: JsonObject & { readonly verify_token?: string; readonly account_id?: string };
  readonly received_at: string;
  readonly duplicate_of?: string;
  readonly expect: {
    readonly status: number;
    readonly status_also_ok?: number[];
    readonly content_type?: string;
    readonly body?: string | JsonObject;
    readonly events: readonly EventFile[];
    readonly rejected_because?: string;
  };
}

interface EventFile {
  readonly kind: string;
  readonly action: string;
  readonly dedupe_key: string | null;
  readonly account_id: string | null;
  readonly customer_id: string | null;
  readonly direction: 'in' | 'out';
  readonly occurred_at: string | null;
  readonly triggers: boolean;
  readonly text?: string;
  readonly payload?: string;
  readonly emoji?: string;
  readonly attachments?: string[];
  readonly reply_to?: string;
  readonly ref?: string;
  readonly foreign_account?: boolean;
  readonly conversation_id?: string;
  readonly customer_aliases?: string[];
  readonly error_code?: string | number;
}

/** Both `src` and `dist` lie two levels below `libs`. */
const fixtures = new URL('../../providers/fixtures/', import.meta.url);

/** Providers that there are cases of */
export const providersWithCases = (): string[] => readdirSync(fixtures).sort();

/** Every case of a provider, originals before their duplicates. */
export function providerCases(provider: string): ProviderCase[] {
  const folder = new URL(`${provider}/`, fixtures);
  const cases = readdirSync(folder)
    .sort()
    .map((file) => caseFrom(JSON.parse(readFileSync(new URL(file, folder), 'utf8'))));
  return [...cases.filter((each) => each.duplicateOf === undefined), ...cases.filter((each) => each.duplicateOf !== undefined)];
}

function caseFrom(file: CaseFile): ProviderCase {
  const { name, provider, path, method, headers, query, secret, expect } = file;
  const { verify_token: verifyToken, account_id: accountId, ...config } = file.config;
  return {
    name,
    provider,
    triggerType: file.trigger_type,
    actionType: file.action_type,
    path,
    method,
    headers,
    query,
    secret,
    verifyToken,
    config: Object.fromEntries(Object.entries(config).map(([key, value]) => [camelCase(key), value])),
    accountId: accountId ?? null,
    receivedAt: new Date(file.received_at),
    duplicateOf: file.duplicate_of,
    expect: {
      status: expect.status,
      statusAlsoOk: expect.status_also_ok ?? [],
      contentType: expect.content_type,
      body: expect.body,
      events: expect.events.map(expectedEvent),
      rejectedBecause: expect.rejected_because,
    },
    rawBody: file.raw_body_recipe ?? file.raw_body ?? '',
  };
}

const camelCase = (name: string): string => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

function expectedEvent(event: EventFile): ExpectedEvent {
  const { kind, action, direction, triggers, text, payload, emoji, attachments, ref } = event;
  return {
    kind,
    action,
    dedupeKey: event.dedupe_key,
    accountId: event.account_id,
    customerId: event.customer_id,
    direction,
    occurredAt: event.occurred_at,
    triggers,
    text,
    payload,
    emoji,
    attachments,
    replyTo: event.reply_to,
    ref,
    foreignAccount: event.foreign_account,
    conversationId: event.conversation_id,
    customerAliases: event.customer_aliases,
    errorCode: event.error_code,
  };
}

/** The body's bytes, exactly as they were signed. */
export function bodyOf({ rawBody }: ProviderCase): Buffer {
  if (typeof rawBody === 'string') return Buffer.from(rawBody);
  return Buffer.from(rawBody.prefix + rawBody.fill.repeat(rawBody.fill_count) + rawBody.suffix);
}

/** The value of `X-Hub-Signature-256`. */
export const signInstagram = (secret: string, body: string | Buffer): string =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;

/** JSON as Meta writes it: everything beyond ASCII as `\uXXXX` in lower case, `/` as `\/`. */
export function metaJson(value: unknown): string {
  const escapeUnit = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value)
    .replace(/[\u007f-\uffff]/g, escapeUnit)
    .replaceAll('/', '\\/');
}

/** Status 0: the connection ended before there was an answer. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

const answerMsMax = 30_000;

/** Sends a case to a running gateway, as the provider would, to the given channel. */
export function fire(base: string, providerCase: ProviderCase, channelId: string): Promise<Answer> {
  const { method, headers } = providerCase;
  const url = new URL(providerCase.path.replace(/^\/webhooks\/[^/]+/, `/webhooks/${channelId}`), base);
  for (const [name, values] of Object.entries(providerCase.query)) {
    for (const value of typeof values === 'string' ? [values] : values) url.searchParams.append(name, value);
  }
  const body = method === 'GET' ? undefined : bodyOf(providerCase);

  return new Promise((resolve) => {
    const request = httpRequest(url, { method, headers: { ...headers, ...(body && { 'Content-Length': body.length }) } }, (response) => {
      const chunks: Buffer[] = [];
      const answer = () => ({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() });
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      // Also after an answer that was cut short: its status has been seen.
      response.on('close', () => resolve(answer()));
    });
    // A server may answer 413 and close while the body is still being sent; whichever arrives first counts.
    request.on('error', (error) => resolve({ status: 0, headers: {}, text: error.message }));
    request.setTimeout(answerMsMax, () => request.destroy(new Error('No answer in time')));
    request.end(body);
  });
}

/** What is wrong with an answer; nothing if it is as expected. Events are the caller's to compare. */
export function compareAnswer({ expect }: ProviderCase, { status, headers, text }: Answer): string[] {
  const wanted = [expect.status, ...expect.statusAlsoOk, ...(expect.status === 413 ? [0] : [])];
  if (!wanted.includes(status)) return [`status ${status} instead of ${wanted.join(' or ')}: ${text.slice(0, 200)}`];
  if (status !== expect.status) return [];

  const problems: string[] = [];
  const contentType = headers['content-type'] ?? '';
  if (expect.contentType !== undefined && !contentType.toLowerCase().startsWith(expect.contentType)) {
    problems.push(`content type ${contentType} instead of ${expect.contentType}`);
  }
  if (typeof expect.body === 'string' && text !== expect.body) problems.push(`body ${text.slice(0, 200)} instead of ${expect.body}`);
  if (typeof expect.body === 'object') {
    const body = jsonOf(text);
    for (const [name, value] of Object.entries(expect.body)) {
      if (body[name] !== value) problems.push(`body.${name} is ${JSON.stringify(body[name])} instead of ${JSON.stringify(value)}`);
    }
  }
  return problems;
}

function jsonOf(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}
