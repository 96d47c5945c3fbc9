import { NodeFailure } from '@sluice/nodes';

/**
 * Nothing was sent now, for a reason that the node is not to blame for. Where it is the first call of an attempt of a run, the attempt is not
 * made: the task comes again later, and none is spent.
 */
export class PutOff extends NodeFailure {
  constructor(
    code: string,
    message: string,
    readonly delay: {
      readonly afterMs: number;
      /** False: this attempt has called something already, so it cannot be taken as never made. */
      readonly isFirstCall: boolean;
      /** After a quarter of an hour of it the attempt counts as failed. False: it may take as long as it takes */
      readonly ends: boolean;
    },
  ) {
    super(code, message, { retryable: true, retryAfterMs: delay.afterMs, outcomeUnknown: !delay.isFirstCall });
  }
}
