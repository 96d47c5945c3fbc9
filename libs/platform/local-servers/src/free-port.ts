import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** A port of 127.0.0.1 on which nobody listens at this moment; another process may take it before the caller does. */
export async function freePort(): Promise<number> {
  return listenOnce(0);
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

async function listenOnce(port: number): Promise<number> {
  const server = createServer();
  server.listen({ port, host: '127.0.0.1', exclusive: true });
  await once(server, 'listening');
  const { port: taken } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return taken;
}
