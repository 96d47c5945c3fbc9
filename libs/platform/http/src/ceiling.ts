import { DomainError } from '@sluice/kernel';
import { mayTake } from '@sluice/platform-fairness';
import { sourceOf } from '@sluice/platform-rates';
import type { FastifyInstance } from 'fastify';

/** Of a request, whatever it sends */
const bytesOfRequest = 16 * 1024;
const withoutBody = new Set(['GET', 'HEAD', 'OPTIONS']);

export class TooMuchInFlight extends DomainError {
  constructor() {
    super('too_many', 'too_much_in_flight', 'More requests are under way here than fit. Try again.', { retryAfterSeconds: 1 });
  }
}

/**
 * A hard ceiling for what bodies of requests under way take of this process's memory, so that a flood, or many who send slowly, cannot end it.
 * What waits to be committed is bounded apart (GroupCommit). Of what is free each source may have four fifths: some is left for whoever comes
 * next.
 */
export function keepCeiling(fastify: FastifyInstance, bytesMax: number): void {
  const bySource = new Map<string, number>();
  let total = 0;
  const hold = (source: string, bytes: number): void => {
    total += bytes;
    const held = (bySource.get(source) ?? 0) + bytes;
    if (held === 0) bySource.delete(source);
    else bySource.set(source, held);
  };

  fastify.addHook('preParsing', (request, reply, payload, done) => {
    if (withoutBody.has(request.method)) return done();
    const source = sourceOf(request.ip);
    let held = 0;
    const take = (bytes: number): boolean => {
      if (!mayTake(bySource.get(source) ?? 0, 1, bytesMax - total)) return false;
      held += bytes;
      hold(source, bytes);
      return true;
    };
    if (!take(bytesOfRequest)) return done(new TooMuchInFlight());
    const count = (chunk: Buffer): void => {
      if (take(chunk.length)) return;
      payload.off('data', count);
      // Nobody listens any more where the body was refused for something else.
      if (payload.listenerCount('error') === 0) return;
      void reply.header('connection', 'close');
      payload.emit('error', new TooMuchInFlight());
    };
    payload.on('data', count);
    reply.raw.once('close', () => {
      // Of a body that was refused unread the rest still comes in, and nobody keeps it.
      payload.off('data', count);
      hold(source, -held);
    });
    done();
  });
}
