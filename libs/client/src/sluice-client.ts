import { routes } from './generated/routes.js';
import type { AnswerOf, InputOf, ItemOf, ListName, OperationName } from './operation.js';
import { SluiceIsUnreachable, SluiceProblem } from './sluice-problem.js';

export interface SluiceClientOptions {
  /** Where commands go: everything that is not a GET. */
  readonly commandUrl: string;
  /** Where queries go; in standalone the same. */
  readonly queryUrl: string;
  /** Or a JWT. */
  readonly apiKey: string;
  /** How often a call is tried at most. */
  readonly tries?: number;
  /** For one try */
  readonly timeoutMs?: number;
}

export interface CallOptions {
  /** The revision that a change is based on; another one throws `revision_is_stale`. */
  readonly ifMatch?: number;
  /** To go on with a command that another process began; otherwise each call has a key of its own. */
  readonly idempotencyKey?: string;
  readonly correlationId?: string;
  readonly signal?: AbortSignal;
}

type Arguments<Input> = Record<never, never> extends Input ? [input?: Input, options?: CallOptions] : [input: Input, options?: CallOptions];

interface PlainInput {
  readonly path?: object;
  readonly query?: object;
  readonly body?: unknown;
}

interface Answer {
  readonly ok: boolean;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** What the documents say of it, no more is known. */
type Parsed = ReturnType<typeof JSON.parse>;

/** Longer than this nobody waits for `Retry-After`. */
const pauseMsMax = 30_000;
const firstPauseMs = 100;
/** The largest page that a list answers. */
const pageItemsMax = 200;

/**
 * Both APIs by their operations' names. A call that fails without harm is tried again: a connection that broke, 503, and a command
 * that its first try still carries out. A command is sent with the same `Idempotency-Key` at each try, so it is carried out once.
 * Whoever uses one client reads what was written through it: queries wait for the newest log position that the client has seen.
 */
export class SluiceClient {
  private readonly tries: number;
  private readonly timeoutMs: number;
  private logPosition = 0;

  constructor(private readonly options: SluiceClientOptions) {
    this.tries = options.tries ?? 5;
    this.timeoutMs = options.timeoutMs ?? 30_000;
  }

  /** @throws SluiceProblem for an answer that is no success, SluiceIsUnreachable without an answer */
  async call<Name extends OperationName>(name: Name, ...[input, options]: Arguments<InputOf<Name>>): Promise<AnswerOf<Name>> {
    return this.perform(name, input ?? {}, options ?? {});
  }

  /** Every item of a list, fetched part by part. */
  async *items<Name extends ListName>(name: Name, ...[input, options]: Arguments<InputOf<Name>>): AsyncGenerator<ItemOf<Name>> {
    const { query, ...rest }: PlainInput = input ?? {};
    let cursor: string | null | undefined;
    do {
      const part = await this.perform(name, { ...rest, query: { limit: pageItemsMax, ...query, cursor } }, options ?? {});
      yield* part.items;
      cursor = part.nextCursor;
    } while (typeof cursor === 'string');
  }

  private async perform(name: OperationName, { path: values, query, body }: PlainInput, options: CallOptions): Promise<Parsed> {
    const { method, path } = routes[name];
    const { commandUrl, queryUrl } = this.options;
    const url = new URL(addressOf(path, values, query), method === 'GET' ? queryUrl : commandUrl);
    const key = method === 'GET' ? undefined : (options.idempotencyKey ?? crypto.randomUUID());

    for (let tried = 1; ; tried += 1) {
      const last = tried >= this.tries;
      const answer = await this.send(url, method, body, key, options).catch((error: unknown) => {
        if (last || options.signal?.aborted === true) throw new SluiceIsUnreachable(name, tried, error);
      });
      if (answer?.ok === true) {
        this.logPosition = Math.max(this.logPosition, Number(answer.headers.get('x-log-position')));
        return answer.text === '' ? undefined : JSON.parse(answer.text);
      }
      const problem = answer === undefined ? undefined : problemOf(name, answer);
      if (problem !== undefined && (last || !isPassing(problem))) throw problem;
      await pause(tried, problem?.retryAfterSeconds, options.signal);
    }
  }

  private async send(url: URL, method: string, body: unknown, key: string | undefined, options: CallOptions): Promise<Answer> {
    const { ifMatch, correlationId, signal } = options;
    const signals = [AbortSignal.timeout(this.timeoutMs), ...(signal === undefined ? [] : [signal])];
    const response = await fetch(url, {
      method,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${this.options.apiKey}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(key !== undefined && { 'idempotency-key': key }),
        ...(ifMatch !== undefined && { 'if-match': `"${ifMatch}"` }),
        ...(correlationId !== undefined && { 'x-correlation-id': correlationId }),
        ...(method === 'GET' && this.logPosition > 0 && { 'x-min-log-position': String(this.logPosition) }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.any(signals),
    });
    // Read here: a connection that breaks in the middle of an answer is a failed try.
    return { ok: response.ok, status: response.status, headers: response.headers, text: await response.text() };
  }
}

/** `{id}` in the path and the query, from what was given for them. */
function addressOf(path: string, values: object = {}, query: object = {}): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(Reflect.get(values, name))));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) if (one !== undefined && one !== null) search.append(name, String(one));
  }
  return search.size === 0 ? filled : `${filled}?${search}`;
}

function problemOf(operation: string, { status, headers, text }: Answer): SluiceProblem {
  const isProblem = headers.get('content-type')?.startsWith('application/problem+json') === true;
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return new SluiceProblem(operation, status, isProblem ? JSON.parse(text) : {}, Number.isFinite(seconds) ? seconds : undefined);
}

/** It did no harm, and will be otherwise. */
const isPassing = ({ status, code, retryAfterSeconds }: SluiceProblem): boolean =>
  (status === 503 && retryAfterSeconds !== undefined) || code === 'command_is_running';

/** As long as the answer says, else twice as long as the last time, with some chance so that callers do not come back together. */
function pause(tried: number, seconds: number | undefined, signal: AbortSignal | undefined): Promise<void> {
  const wantedMs = seconds === undefined ? firstPauseMs * 2 ** (tried - 1) * (0.5 + Math.random() / 2) : seconds * 1_000;
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener('abort', stop);
        resolve();
      },
      Math.min(wantedMs, pauseMsMax),
    );
    if (signal?.aborted === true) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}
