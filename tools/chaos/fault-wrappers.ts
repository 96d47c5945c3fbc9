import { Redis } from 'ioredis';
import pg from 'pg';
import { seeded } from './seeded.ts';

/**
 * Loaded into an app before its own code (`node --import`). `FAULTS=postgres=0.01,redis=0.02` lets that share of all calls to Postgres and Redis
 * fail, half of them before they are made, half after they were: done, but reported as failed. `FAULTS_SEED` repeats the choice. Without
 * `FAULTS` it does nothing. Calls to targets fail in the target itself (target-stub.ts).
 */
type Fault = 'before' | 'after';

const shares = Object.fromEntries(
  (process.env['FAULTS'] ?? '').split(',').map((entry) => [entry.split('=')[0], Number(entry.split('=')[1])]),
);
const random = seeded(Number(process.env['FAULTS_SEED'] ?? 1) + process.pid);

const lost = (what: string, fault: Fault): Error =>
  Object.assign(new Error(`the connection to ${what} was lost (a fault of the test, ${fault} the call)`), { code: 'ECONNRESET' });

function faultOf(client: 'postgres' | 'redis'): Fault | undefined {
  if (random() >= (shares[client] ?? 0)) return undefined;
  return random() < 0.5 ? 'before' : 'after';
}

if (shares['postgres'] !== undefined) {
  const { query } = pg.Client.prototype;
  Object.defineProperty(pg.Client.prototype, 'query', {
    value: function (this: pg.Client, ...parameters: unknown[]): unknown {
      const fault = faultOf('postgres');
      if (fault === undefined) return Reflect.apply(query, this, parameters);
      const callback = typeof parameters.at(-1) === 'function' ? parameters.pop() : undefined;
      const work: Promise<unknown> = fault === 'before' ? Promise.resolve() : Promise.resolve(Reflect.apply(query, this, parameters));
      const failed = work.then(() => {
        throw lost('Postgres', fault);
      });
      if (typeof callback !== 'function') return failed;
      failed.catch((error: unknown) => Reflect.apply(callback, undefined, [error]));
      return undefined;
    },
  });
}

if (shares['redis'] !== undefined) {
  const { sendCommand } = Redis.prototype;
  Object.defineProperty(Redis.prototype, 'sendCommand', {
    value: function (this: Redis, ...parameters: Parameters<typeof sendCommand>): unknown {
      const fault = faultOf('redis');
      const [command, stream] = parameters;
      // What makes a connection usable at all is left alone: without it there is nothing to fail.
      if (fault === undefined || /^(info|client|auth|select|hello|script|subscribe|psubscribe)$/i.test(command.name)) {
        return Reflect.apply(sendCommand, this, parameters);
      }
      const failed = (fault === 'before' ? Promise.resolve() : Promise.resolve(Reflect.apply(sendCommand, this, parameters))).then(() => {
        throw lost('Redis', fault);
      });
      // Where a pipeline or a callback is told, nobody looks at the promise.
      const isHeardElsewhere =
        (typeof stream === 'object' && 'isPipeline' in stream) || typeof Reflect.get(command, 'callback') === 'function';
      if (isHeardElsewhere) failed.catch(() => {});
      return failed;
    },
  });
}
