import type { components } from './generated/command-api.js';

type Problem = components['schemas']['Problem'];

/** An answer that is no success. docs/errors.md tells what each `code` means and what to do. */
export class SluiceProblem extends Error {
  override readonly name = 'SluiceProblem';
  /** The end of the problem's `type`: `revision_is_stale` */
  readonly code: string;
  readonly correlationId: string | undefined;
  readonly errors: Problem['errors'];

  constructor(
    readonly operation: string,
    readonly status: number,
    readonly problem: Partial<Problem>,
    readonly retryAfterSeconds: number | undefined,
  ) {
    const { type = '/problems/unexpected_answer', detail = 'The answer is not one of Sluice.' } = problem;
    const code = type.slice(type.lastIndexOf('/') + 1);
    super(`${operation} was answered ${status} ${code}: ${detail}`);
    this.code = code;
    this.correlationId = problem.correlationId;
    this.errors = problem.errors;
  }
}

/** The API could not be reached, or did not answer, at any try. A command may have been carried out all the same. */
export class SluiceIsUnreachable extends Error {
  override readonly name = 'SluiceIsUnreachable';

  constructor(operation: string, tries: number, cause: unknown) {
    super(`${operation} got no answer in ${tries} ${tries === 1 ? 'try' : 'tries'}.`, { cause });
  }
}
