import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { limits } from '@sluice/contracts';
import { DomainError } from '@sluice/kernel';
import { Overloaded } from '@sluice/platform-database';
import { sourceOf } from '@sluice/platform-rates';
import { providerNamed, providers } from '@sluice/providers';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ChannelDirectory } from './channel-directory.js';
import { cannotCommit } from './delivery-groups.js';
import { Room } from './room.js';

const mebibyte = 1024 * 1024;
/** No provider's limit is lower: what says it is no longer is read without asking whose it is. */
const unaskedBytesMax = Math.min(...[...providers.values()].map(({ bodyBytesMax }) => bodyBytesMax));
/** What most providers send at most; also at an address that nobody has. Longer bodies share a room. */
const usualBytesMax = 4 * mebibyte;
/** Of the largest one and a bit. What is read, parsed and written of a body takes some ten times its bytes. */
const roomBytes = 32 * mebibyte;
const waitMsMax = 5_000;
const waitingMax = 50;

class BodyTooLarge extends DomainError {
  constructor(bytesMax: number) {
    super('too_large', 'body_too_large', `A delivery has at most ${bytesMax} bytes here.`);
  }
}

class LargeBodiesAreTooMany extends Overloaded {
  constructor() {
    super('Too many large deliveries are under way. Send it again.');
  }
}

/**
 * How large a delivery may be, by its provider, before and while it is read. Those over 4 MiB are read a few at a time: the others wait
 * unread, where they take nothing, and are told to come again if it takes long.
 */
@Injectable()
export class DeliverySizes implements OnModuleInit {
  private readonly room = new Room(roomBytes, waitingMax);

  constructor(
    private readonly http: HttpAdapterHost,
    private readonly directory: ChannelDirectory,
  ) {}

  onModuleInit(): void {
    const fastify: FastifyInstance = this.http.httpAdapter.getInstance();
    fastify.addHook('preParsing', (request, reply, payload, done) => {
      const told = Number(request.headers['content-length']);
      const isDelivery = request.method === 'POST' && request.routeOptions.url?.startsWith('/webhooks/') === true;
      if (!isDelivery || told <= unaskedBytesMax || hasNoBody(request)) return done();
      // Somebody counts its bytes already, which makes it flow: not before this is known.
      payload.pause();
      this.admit(request, reply, payload, told).then(
        () => done(),
        (error: unknown) => {
          void reply.header('connection', 'close');
          payload.resume();
          done(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
  }

  /** Resolves when it may be read. `told`: its length; NaN: it comes in pieces, as many as there are */
  private async admit(request: FastifyRequest, reply: FastifyReply, payload: NodeJS.ReadableStream, told: number): Promise<void> {
    const { clientUuid = '' } = request.params as { readonly clientUuid?: string };
    const source = await this.directory.find(clientUuid, sourceOf(request.ip)).catch(cannotCommit);
    const bytesMax = Math.min(providerNamed(source?.provider ?? '')?.bodyBytesMax ?? usualBytesMax, limits.webhookBodyBytes);
    if (Number.isNaN(told)) return this.watch(payload, reply, bytesMax);
    if (told > bytesMax) throw new BodyTooLarge(bytesMax);
    if (told > usualBytesMax) {
      if (!(await this.room.take(told, waitMsMax))) throw new LargeBodiesAreTooMany();
      this.giveBackAfter(reply, told);
    }
  }

  /** Of a body whose length nobody told. */
  private watch(payload: NodeJS.ReadableStream, reply: FastifyReply, bytesMax: number): void {
    let bytes = 0;
    let inRoom = false;
    const refuse = (error: Error): void => {
      payload.off('data', count);
      void reply.header('connection', 'close');
      payload.emit('error', error);
    };
    const count = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > bytesMax) return refuse(new BodyTooLarge(bytesMax));
      if (inRoom || bytes <= usualBytesMax) return;
      if (!this.room.tryTake(bytesMax)) return refuse(new LargeBodiesAreTooMany());
      inRoom = true;
      this.giveBackAfter(reply, bytesMax);
    };
    payload.on('data', count);
  }

  private giveBackAfter({ raw }: FastifyReply, bytes: number): void {
    if (raw.destroyed) this.room.give(bytes);
    else raw.once('close', () => this.room.give(bytes));
  }
}

const hasNoBody = ({ headers }: FastifyRequest): boolean =>
  headers['content-length'] === undefined && headers['transfer-encoding'] === undefined;
