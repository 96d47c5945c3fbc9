import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

// Below the range from which systems take ports for outgoing connections and for `listen(0)`: nobody gets one of these by chance.
const lowest = 15_000;
const highest = 32_000;

/** A port of 127.0.0.1 on which nobody listens at this moment, and which is unlikely to be taken before the caller does. */
export async function freePort(): Promise<number> {
  for (;;) {
    const candidate = randomInt(lowest, highest);
    if (await portIsFree(candidate)) return candidate;
  }
}

/** The first free port from this one upwards. */
export async function freePortFrom(port: number): Promise<number> {
  for (let candidate = port; candidate < 65_536; candidate += 1) {
    if (await portIsFree(candidate)) return candidate;
  }
  throw new Error(`No port is free from ${port} upwards.`);
}

export async function portIsFree(port: number): Promise<boolean> {
  return listenOnce(port).then(
    () => true,
    () => false,
  );
}

async function listenOnce(port: number): Promise<void> {
  const server = createServer();
  server.listen({ port, host: '127.0.0.1', exclusive: true });
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}
