import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Random } from './seeded.ts';

/** What the target does instead of answering 200. `after`: it did what it was asked to, and its caller does not learn it. */
type Trouble = 'none' | 'refuses' | 'resets' | 'refuses after' | 'resets after' | 'slow';
const troubles: readonly Trouble[] = ['refuses', 'resets', 'refuses after', 'resets after', 'slow'];

interface Call {
  readonly path: string;
  readonly bodyHash: string;
  times: number;
}

/**
 * The outside that workflows call, and its memory: what came, by `Idempotency-Key`. `/apply` honours the key: what it was asked before it
 * does not do again. `/count` does whatever it is asked. `/line/<name>` applies as well, and remembers the order.
 */
export class TargetStub {
  readonly calls = new Map<string, Call>();
  /** By line, what was applied in it, in order */
  readonly lines = new Map<string, string[]>();
  /** What no caller may do */
  readonly faults: string[] = [];
  /** Share of calls that meet trouble */
  troubled = 0;
  /** Answers to these keep their callers waiting until `release`. */
  private held: (() => void)[] | undefined;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  private readonly random: Random;

  private constructor(random: Random) {
    this.random = random;
    this.server = createServer((request, response) => void this.answer(request, response).catch(() => response.destroy()));
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
  }

  static async start(random: Random): Promise<TargetStub> {
    const stub = new TargetStub(random);
    await new Promise<void>((resolve) => stub.server.listen(0, '127.0.0.1', resolve));
    return stub;
  }

  /** `127.0.0.1:<port>` */
  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** How often a key came to a path. */
  timesOf(key: string): number {
    return this.calls.get(key)?.times ?? 0;
  }

  keysAt(path: string): string[] {
    return [...this.calls].flatMap(([key, call]) => (call.path === path ? [key] : []));
  }

  /** From now on nobody gets an answer. */
  hold(): void {
    this.held ??= [];
  }

  /** How many wait for an answer. */
  get waiting(): number {
    return this.held?.length ?? 0;
  }

  release(): void {
    const held = this.held ?? [];
    this.held = undefined;
    for (const answer of held) answer();
  }

  stop(): void {
    this.release();
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const trouble: Trouble = this.random() < this.troubled ? (troubles[Math.floor(this.random() * troubles.length)] ?? 'none') : 'none';
    if (trouble === 'resets') return void request.socket.resetAndDestroy();
    if (trouble === 'refuses') return void response.writeHead(503).end();

    this.remember(request, body);
    if (this.held !== undefined) await new Promise<void>((resolve) => this.held?.push(resolve));
    if (trouble === 'slow') await new Promise((resolve) => setTimeout(resolve, 200 + this.random() * 800));
    if (trouble === 'resets after') return void request.socket.resetAndDestroy();
    if (trouble === 'refuses after') return void response.writeHead(500).end();
    response.setHeader('content-type', 'application/json').end('{"ok":true}');
  }

  private remember({ url = '/', headers }: IncomingMessage, body: Buffer): void {
    const key = headers['idempotency-key'];
    if (typeof key !== 'string') return void this.faults.push(`a call of ${url} had no Idempotency-Key`);
    const bodyHash = createHash('sha256').update(body).digest('hex');
    const before = this.calls.get(key);
    if (before === undefined) {
      this.calls.set(key, { path: url, bodyHash, times: 1 });
      if (url.startsWith('/line/')) this.lines.set(url, [...(this.lines.get(url) ?? []), String(JSON.parse(body.toString()).message)]);
      return;
    }
    before.times += 1;
    if (before.bodyHash !== bodyHash || before.path !== url) this.faults.push(`key ${key} came again to ${url} with another body or path`);
  }
}
