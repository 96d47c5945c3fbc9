import { once } from 'node:events';
import { Client } from 'undici';
import { type Delivery, signedDelivery, type Target } from './deliveries.ts';

/**
 * The load, in a process of its own so that its CPU can be told from the system's. It signs everything and opens its connections, says
 * `ready`, waits for a message, sends, and answers with a LoadResult.
 */
export interface LoadPlan extends Target {
  readonly deliveries: number;
  /** Spread over the gateways in turn */
  readonly connections: number;
  /** What has not been sent by then is not sent. */
  readonly stopAfterMs: number;
  /** Each so many-eth message says `call` instead of `hi`. */
  readonly callEvery?: number;
}

export interface LoadResult {
  readonly sent: number;
  /** Message ids that were answered 200 */
  readonly acknowledged: readonly string[];
  /** By status; `none` where no answer came */
  readonly refused: Readonly<Record<string, number>>;
  readonly firstPostAt: number;
  readonly lastAnswerAt: number;
  readonly latenciesMs: readonly number[];
  readonly cpuSeconds: number;
}

const plan: LoadPlan = JSON.parse(process.argv[2] ?? '{}');
const connections = Array.from({ length: plan.connections }, (_, n) => {
  const { origin, pathname } = new URL(plan.urls[n % plan.urls.length] ?? '');
  return { client: new Client(origin, { pipelining: 1, headersTimeout: 20_000, bodyTimeout: 20_000 }), path: pathname };
});
type Connection = (typeof connections)[number];
process.on('disconnect', () => process.exit(1)); // nobody is left to answer

const saysCall = (n: number) => plan.callEvery !== undefined && n % plan.callEvery === 0;
const deliveries = Array.from({ length: plan.deliveries }, (_, n) =>
  signedDelivery(plan, `${plan.account}-${n}`, n, saysCall(n) ? 'call' : 'hi'),
);
await Promise.all(connections.map(async ({ client }) => (await client.request({ path: '/healthz', method: 'GET' })).body.dump()));

process.send?.('ready');
await once(process, 'message');

const acknowledged: string[] = [];
const refused: Record<string, number> = {};
const latenciesMs: number[] = [];
const cpu = process.cpuUsage();
const firstPostAt = Date.now();
let next = 0;

const sendOver = async (connection: Connection) => {
  for (let delivery = deliveries[next++]; delivery !== undefined; delivery = deliveries[next++]) {
    if (Date.now() - firstPostAt > plan.stopAfterMs) return;
    const began = performance.now();
    const status = await post(connection, delivery);
    if (status === 200) {
      latenciesMs.push(performance.now() - began);
      acknowledged.push(delivery.mid);
    } else {
      refused[status ?? 'none'] = (refused[status ?? 'none'] ?? 0) + 1;
    }
  }
};

async function post({ client, path }: Connection, { headers, body }: Delivery): Promise<number | undefined> {
  try {
    const response = await client.request({ path, method: 'POST', headers, body });
    await response.body.dump();
    return response.statusCode;
  } catch {
    return undefined;
  }
}

await Promise.all(connections.map(sendOver));
const lastAnswerAt = Date.now();
const { user, system } = process.cpuUsage(cpu);
const sent = acknowledged.length + Object.values(refused).reduce((sum, count) => sum + count, 0);
const result: LoadResult = { sent, acknowledged, refused, firstPostAt, lastAnswerAt, latenciesMs, cpuSeconds: (user + system) / 1e6 };
process.send?.(result); // whoever started this process ends it
