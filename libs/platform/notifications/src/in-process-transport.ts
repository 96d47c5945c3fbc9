import { EventEmitter } from 'node:events';
import { ClientProxy, type CustomTransportStrategy, type ReadPacket, Server, type WritePacket } from '@nestjs/microservices';
import { hear } from './hear.js';

/** One channel for all of this process; what nobody listens to is gone, as on Redis. */
const channel = new EventEmitter().setMaxListeners(0);
const topic = 'event';

/** Nest's transport within a process: `@EventPattern` handlers hear what InProcessClient emits. */
export class InProcessServer extends Server implements CustomTransportStrategy {
  private readonly hear = ({ pattern, data }: ReadPacket): void => {
    const handler = this.getHandlerByPattern(pattern);
    const context = { getArgs: () => [], getArgByIndex: () => undefined };
    if (handler !== null) void hear(pattern, handler, data, context, (message) => this.logger.error(message));
  };

  listen(callback: () => void): void {
    channel.on(topic, this.hear);
    callback();
  }

  close(): void {
    channel.off(topic, this.hear);
  }

  on(): void {}

  unwrap<T>(): T {
    return channel as T;
  }
}

export class InProcessClient extends ClientProxy {
  connect(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}

  unwrap<T>(): T {
    return channel as T;
  }

  protected override dispatchEvent<T>(packet: ReadPacket): Promise<T> {
    setImmediate(() => channel.emit(topic, packet));
    return Promise.resolve(undefined as T);
  }

  protected override publish(_packet: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    callback({ err: new Error('notifications are events: nobody answers them') });
    return () => {};
  }
}
