import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { type Entry, isAcknowledged, type Ledger } from './ledger.ts';
import { between, pick, type Random } from './seeded.ts';
import { type ChaosTenant, type Delivery, deliveryOf, type Route, routes } from './tenant.ts';

export interface LoadOptions {
  readonly perSecond: number;
  readonly routes?: readonly Route[];
  /** So many beside it: the messages of each are sent one after the other, and must be run in that order. */
  readonly conversations?: number;
}

/** What is not done yet: tasks of any kind, and messages of conversations that hold their turn or wait for it */
export interface Waiting {
  readonly tasks: number;
  readonly turns: number;
}

/** Beyond so many the load pauses: what is tried is whether nothing goes wrong, not how much the machine can do meanwhile. */
const waitingMax: Waiting = { tasks: 1_000, turns: 60 };
const askEveryMs = 500;

const answerWithinMs = 20_000;
const senders = 32;

/** Sends as providers do: over several gateways in turn, and again with growing pauses while a delivery is not acknowledged. */
export class Load {
  private readonly agent = new Agent({ connections: senders, pipelining: 1 });
  private turn = 0;
  /** Of what was begun and may go on */
  private readonly ends: (() => void)[] = [];
  private closed = false;

  private readonly ledger: Ledger;
  private readonly gateways: () => readonly string[];
  private readonly waiting: () => Promise<Waiting>;
  private readonly random: Random;

  /** `gateways`: the URLs of those that are sent to; `waiting`: rejects while nobody knows */
  constructor(ledger: Ledger, gateways: () => readonly string[], waiting: () => Promise<Waiting>, random: Random) {
    this.ledger = ledger;
    this.gateways = gateways;
    this.waiting = waiting;
    this.random = random;
  }

  /** One call. What it was answered stands in the ledger. */
  async send(delivery: Delivery, gateway: string | undefined = this.nextGateway()): Promise<Entry> {
    const entry = this.ledger.entryOf(delivery);
    const sentAt = Date.now();
    const began = performance.now();
    let status: number | undefined;
    try {
      if (gateway === undefined) throw new Error('no gateway runs');
      const answer = await request(`${gateway}${delivery.tenant.path}`, {
        method: 'POST',
        headers: delivery.headers,
        body: delivery.body,
        dispatcher: this.agent,
        headersTimeout: answerWithinMs,
        bodyTimeout: answerWithinMs,
      });
      await answer.body.dump();
      status = answer.statusCode;
    } catch {
      // Nobody knows.
    }
    const acknowledgement = status === undefined ? 'unknown' : status === 200 ? 'acknowledged' : 'refused';
    entry.answers.push({ acknowledgement, ...(status !== undefined && { status }), sentAt, ms: performance.now() - began });
    return entry;
  }

  /** Until it is acknowledged, or `tries` are over. */
  async sendUntilAcknowledged(delivery: Delivery, tries = 200): Promise<Entry> {
    for (let attempt = 1; ; attempt += 1) {
      const entry = await this.send(delivery);
      if (isAcknowledged(entry) || attempt >= tries || this.closed) return entry;
      await sleep(Math.min(1_000, 50 * 2 ** attempt) * between(this.random, 0.5, 1));
    }
  }

  /** These at once, or so many at a time, each until it is acknowledged. */
  async sendAll(deliveries: readonly Delivery[], atATime = deliveries.length): Promise<void> {
    let next = 0;
    const sender = async () => {
      for (let delivery = deliveries[next++]; delivery !== undefined; delivery = deliveries[next++])
        await this.sendUntilAcknowledged(delivery);
    };
    await Promise.all(Array.from({ length: atATime }, sender));
  }

  make(tenant: ChaosTenant, count: number, from: readonly Route[] = routes): Delivery[] {
    return Array.from({ length: count }, (_, n) => deliveryOf(tenant, pick(this.random, from), n % 50));
  }

  /** Goes on until `stop`, which resolves when everything that was begun is acknowledged. */
  begin(tenants: readonly ChaosTenant[], { perSecond, routes: from = routes, conversations = 0 }: LoadOptions): { stop(): Promise<void> } {
    let stopped = false;
    // What was known last while nobody answers.
    let now: Waiting = { tasks: 0, turns: 0 };
    const asking = setInterval(() => {
      this.waiting().then(
        (waiting) => (now = waiting),
        () => {},
      );
    }, askEveryMs);
    const hasRoom = () => now.tasks < waitingMax.tasks;
    const end = () => {
      stopped = true;
      clearInterval(asking);
    };
    this.ends.push(end);
    const underWay = new Set<Promise<unknown>>();
    const track = (work: Promise<unknown>) => {
      underWay.add(work);
      void work.finally(() => underWay.delete(work));
    };
    const steady = (async () => {
      while (!stopped) {
        await sleep((1_000 / perSecond) * between(this.random, 0.5, 1.5));
        // As a provider that has many calls open sends no more.
        if (underWay.size < 1_000 && hasRoom())
          track(
            this.sendUntilAcknowledged(deliveryOf(pick(this.random, tenants), pick(this.random, from), Math.floor(this.random() * 50))),
          );
      }
    })();
    const talking = Array.from({ length: conversations }, async (_, n) => {
      const tenant = pick(this.random, tenants);
      while (!stopped) {
        if (hasRoom() && now.turns < waitingMax.turns) await this.sendUntilAcknowledged(deliveryOf(tenant, 'line', `talk${n}`));
        await sleep(between(this.random, 400, 1_200));
      }
    });
    return {
      stop: async () => {
        end();
        await Promise.all([steady, ...talking]);
        await Promise.all(underWay);
      },
    };
  }

  /** Ends what was begun, too: a case that failed may not have. */
  async close(): Promise<void> {
    this.closed = true;
    for (const end of this.ends) end();
    await this.agent.destroy();
  }

  /** undefined: none runs just now */
  private nextGateway(): string | undefined {
    const urls = this.gateways();
    this.turn += 1;
    return urls[this.turn % urls.length];
  }
}
