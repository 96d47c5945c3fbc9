import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { storeClock } from '@sluice/platform-database';
import { CommandStore } from '@sluice/platform-event-log';
import { Tickets } from '@sluice/platform-queue';
import { clientOf, issueAfterCommit } from '../run-controls.js';
import { consumeWaits, type Resumption } from '../steps/waits.js';
import { ApprovalIsClosed, assertSigned, placeIn, stateOf } from './open-approval.js';

export interface ApprovalDecision {
  readonly decision: 'approve' | 'reject';
  readonly comment: string | null;
  /** As they say */
  readonly by: string | null;
}

export class DecideApproval extends Command<{ status: 'approved' | 'rejected' }> {
  constructor(
    readonly token: string,
    readonly decision: ApprovalDecision,
  ) {
    super();
  }
}

/** Whoever has the signed link decides, once: whoever deletes the wait has decided, and its run goes on by `approved` or `rejected`. */
@CommandHandler(DecideApproval)
export class DecideApprovalHandler implements ICommandHandler<DecideApproval> {
  constructor(
    private readonly store: CommandStore,
    private readonly tickets: Tickets,
  ) {}

  async execute({ token, decision: { decision, comment, by } }: DecideApproval): Promise<{ status: 'approved' | 'rejected' }> {
    const place = placeIn(token);
    return this.store.transaction(place.tenantId, async (tx) => {
      await assertSigned(tx.manager, token, place);
      const state = await stateOf(tx.manager, place);
      if (!state.open) throw new ApprovalIsClosed(state.closed);
      const status = decision === 'approve' ? 'approved' : 'rejected';
      const output = { decision, comment, by, decidedAt: storeClock.now().toISOString() };
      const resumption: Resumption = { type: 'completed', handle: status, output };
      const issued = await consumeWaits(await clientOf(tx), [{ ...place, resumption }]);
      if (issued.length === 0) throw new ApprovalIsClosed('It was decided a moment ago.');
      await issueAfterCommit(tx, this.tickets, issued);
      return { status };
    });
  }
}
