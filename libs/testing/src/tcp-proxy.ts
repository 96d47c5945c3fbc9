import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ProxyTrouble {
  /** Each chunk is this much later, each way. */
  readonly latencyMs?: number;
  /** undefined: as fast as it comes */
  readonly bytesPerSecond?: number | undefined;
  /** Nothing arrives any more, either way, and nobody is told: a half-open connection. What came meanwhile is lost. */
  readonly swallow?: boolean;
}

type Direction = 'to the server' | 'to the client';
type Cut = (chunk: Buffer, direction: Direction) => boolean;

interface Target {
  readonly host: string;
  readonly port: number;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/** Stands between clients and a server on this machine and does to their connections what networks do. */
export class TcpProxy {
  private trouble: ProxyTrouble = {};
  private refusing = false;
  private cutting: { readonly matches: Cut; readonly when: 'before' | 'after' } | undefined;
  private readonly pairs = new Set<Pair>();
  private readonly deaf = new WeakSet<Pair>();

  constructor(
    private readonly listener: Server,
    readonly port: number,
    private target: Target,
  ) {
    listener.on('connection', (client) => this.accept(client));
  }

  /** New connections lead to another server; those that there are stay. */
  leadNewTo(target: Target): void {
    this.target = target;
  }

  /** New connections lead to another server; those that there are are reset. */
  retarget(target: Target): void {
    this.leadNewTo(target);
    this.cut();
  }

  set(trouble: ProxyTrouble): void {
    this.trouble = { ...this.trouble, ...trouble };
  }

  /** Resets every connection, as a firewall that forgot them. */
  cut(): void {
    for (const { client, server } of Array.from(this.pairs)) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  /** Those that there are go half-open: nothing arrives on them any more, and nobody is told. New ones are as ever. */
  deafen(): void {
    for (const pair of this.pairs) this.deaf.add(pair);
  }

  /** New connections are reset at once. */
  refuse(refusing: boolean): void {
    this.refusing = refusing;
  }

  /** Resets the connection on which such a chunk passes, before it is passed on, or a moment after. */
  cutWhen(matches: Cut | undefined, when: 'before' | 'after' = 'before'): void {
    this.cutting = matches === undefined ? undefined : { matches, when };
  }

  /** How many connections there are. */
  get connections(): number {
    return this.pairs.size;
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.listener.close(() => resolve()));
  }

  private accept(client: Socket): void {
    if (this.refusing) return void client.resetAndDestroy();
    const server = connect(this.target.port, this.target.host);
    const pair = { client, server };
    this.pairs.add(pair);
    const end = () => {
      this.pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', end).on('close', end);
    }
    this.pass(pair, client, server, 'to the server');
    this.pass(pair, server, client, 'to the client');
  }

  /** Chunk after chunk, in order. */
  private pass(pair: Pair, from: Socket, to: Socket, direction: Direction): void {
    let before: Promise<void> = Promise.resolve();
    from.on('data', (chunk: Buffer) => {
      const { swallow, latencyMs = 0, bytesPerSecond } = this.trouble;
      if (swallow === true || this.deaf.has(pair)) return;
      const { cutting } = this;
      const cut = cutting?.matches(chunk, direction) === true;
      if (cut && cutting?.when === 'before') return void this.reset(pair);
      const dueAt = performance.now() + latencyMs;
      before = before.then(() => this.passOn(pair, to, chunk, { dueAt, bytesPerSecond, cut }));
    });
    from.on('end', () => void (this.deaf.has(pair) || before.then(() => to.end())));
  }

  private async passOn(
    pair: Pair,
    to: Socket,
    chunk: Buffer,
    { dueAt, bytesPerSecond, cut }: { readonly dueAt: number; readonly bytesPerSecond: number | undefined; readonly cut: boolean },
  ): Promise<void> {
    const slowMs = bytesPerSecond === undefined ? 0 : (chunk.length / bytesPerSecond) * 1_000;
    const waitMs = dueAt + slowMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    to.write(chunk);
    if (!cut) return;
    // What the server answers is swallowed; it has a moment to do what it was asked.
    pair.server.removeAllListeners('data');
    await sleep(20);
    this.reset(pair);
  }

  private reset({ client, server }: Pair): void {
    client.resetAndDestroy();
    server.destroy();
  }
}

/** A proxy on a free port of 127.0.0.1. */
export async function startProxy({ target }: { readonly target: Target }): Promise<TcpProxy> {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return new TcpProxy(listener, address.port, target);
}
