export type ErrorKind =
  | 'malformed' // 400
  | 'unauthenticated' // 401
  | 'forbidden' // 403
  | 'not_found' // 404
  | 'conflict' // 409
  | 'precondition' // 412
  | 'too_large' // 413
  | 'invalid' // 422
  | 'too_many' // 429
  | 'unavailable'; // 503

/** One finding about an input: where (`path`) and what (`message`). */
export interface InputError {
  readonly path: string;
  readonly message: string;
  readonly code?: string;
}

/**
 * An error that the caller caused or must know of. `kind` decides the HTTP status (one filter in platform/http),
 * `code` becomes the problem type; in jobs a DomainError is final.
 */
export class DomainError extends Error {
  constructor(
    readonly kind: ErrorKind,
    readonly code: string,
    message: string,
    readonly details: { errors?: readonly InputError[]; retryAfterSeconds?: number; title?: string } = {},
  ) {
    super(message);
    this.name = new.target.name;
  }
}
