import { types } from 'node:util';
import type { OutboundResponse } from '@sluice/nodes';
import type { Dispatcher } from 'undici';
import type { Hop } from './redirect.js';

/** The response went over a limit; the connection is cut at once. */
export class ResponseTooLarge extends Error {
  constructor(bytesMax: number) {
    super(`The response is over the limit of ${bytesMax} bytes`);
    this.name = 'ResponseTooLarge';
  }
}

/** What went wrong with one exchange. Before `sent` no byte of the request had left for the target. */
export class ExchangeFailed extends Error {
  constructor(
    readonly reason: unknown,
    readonly sent: boolean,
  ) {
    super('exchange failed', { cause: reason });
    this.name = 'ExchangeFailed';
  }
}

/** One request and its whole answer, still encoded. Rejects with ExchangeFailed. The abort closes the socket. */
export function exchange(dispatcher: Dispatcher, hop: Hop, signal: AbortSignal, responseBytesMax: number): Promise<OutboundResponse> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined;
    let status = 0;
    let headers: Record<string, string> = {};
    let bytes = 0;
    const chunks: Buffer[] = [];

    const fail = (reason: unknown) => {
      signal.removeEventListener('abort', aborted);
      reject(new ExchangeFailed(reason, controller !== undefined));
    };
    const aborted = () => {
      fail(signal.reason);
      controller?.abort(asError(signal.reason));
    };
    if (signal.aborted) return fail(signal.reason);
    signal.addEventListener('abort', aborted, { once: true });

    const handler: Dispatcher.DispatchHandler = {
      // Called when a connection stands and the request is about to be written: from here on its outcome may be unknown.
      onRequestStart(started) {
        if (signal.aborted) started.abort(asError(signal.reason));
        else controller = started;
      },
      onResponseStart(_controller, statusCode, responseHeaders) {
        status = statusCode;
        headers = flatten(responseHeaders);
        if (Number(headers['content-length'] ?? 0) > responseBytesMax && hop.method !== 'HEAD')
          throw new ResponseTooLarge(responseBytesMax);
      },
      onResponseData(_controller, chunk) {
        bytes += chunk.length;
        if (bytes > responseBytesMax) throw new ResponseTooLarge(responseBytesMax);
        chunks.push(chunk);
      },
      onResponseEnd() {
        signal.removeEventListener('abort', aborted);
        resolve({ status, headers, body: Buffer.concat(chunks) });
      },
      onResponseError(_controller, error) {
        fail(error);
      },
    };

    try {
      dispatcher.dispatch(
        {
          origin: hop.url.origin,
          path: hop.url.pathname + hop.url.search,
          method: hop.method,
          headers: { ...hop.headers },
          body: hop.body ?? null,
          // The deadline of the whole call is the only clock.
          headersTimeout: 0,
          bodyTimeout: 0,
        },
        handler,
      );
    } catch (error) {
      fail(error);
    }
  });
}

function flatten(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const pairs = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value]],
  );
  return Object.fromEntries(pairs);
}

const asError = (reason: unknown): Error => (types.isNativeError(reason) ? reason : new Error('aborted'));
