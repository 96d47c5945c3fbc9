import { types } from 'node:util';
import { NodeFailure } from '@sluice/nodes';
import { UndecodableBody } from './decode-body.js';
import { ResponseTooLarge } from './exchange.js';

/** The same for every address and every reason: what is behind it must not show, nor whether anything is. */
export const refused = (): NodeFailure =>
  new NodeFailure('outbound_refused', 'The address is not allowed for outgoing calls', { retryable: false });

export const deadlinePassed = (sent: boolean, timeoutMs: number): NodeFailure =>
  new NodeFailure('outbound_timeout', `The target did not answer within ${timeoutMs} ms`, { retryable: true, outcomeUnknown: sent });

/** `sent`: a connection stood and the request was on its way, so the target may have acted on it. */
export function failureOf(error: unknown, sent: boolean): NodeFailure {
  if (error instanceof NodeFailure) return error;
  const final = { retryable: false, outcomeUnknown: sent };
  if (error instanceof ResponseTooLarge) return new NodeFailure('response_too_large', error.message, final);
  if (error instanceof UndecodableBody) return new NodeFailure('invalid_response', error.message, final);

  const code = codeOf(error);
  const details = code === undefined ? {} : { details: { reason: code } };
  if (code === 'UND_ERR_HEADERS_OVERFLOW') {
    return new NodeFailure('response_too_large', "The response's headers are over the size limit", final);
  }
  if (types.isNativeError(error) && error.name === 'HTTPParserError') {
    return new NodeFailure('invalid_response', 'The target answered something that is not HTTP', { ...final, ...details });
  }
  if (!sent && isTlsError(code)) {
    return new NodeFailure('outbound_tls', 'No trusted TLS connection to the target could be made', { retryable: false, ...details });
  }
  if (!sent && code === 'UND_ERR_INVALID_ARG')
    return new NodeFailure('invalid_request', 'The request cannot be sent', { retryable: false });
  return sent
    ? new NodeFailure('outbound_connection_lost', 'The connection was lost before the answer was complete', {
        retryable: true,
        outcomeUnknown: true,
        ...details,
      })
    : new NodeFailure('outbound_unreachable', 'No connection to the target could be made', { retryable: true, ...details });
}

const isTlsError = (code: string | undefined): boolean =>
  code !== undefined && /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA|ERR_TLS_|ERR_SSL_|EPROTO)/.test(code);

function codeOf(error: unknown): string | undefined {
  return types.isNativeError(error) && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
