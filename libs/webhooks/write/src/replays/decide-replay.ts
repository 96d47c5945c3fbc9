import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandStore } from '@sluice/platform-event-log';
import { cancel, evolveReplay, pause, type Replay, ReplayNotFound, resume } from '@sluice/webhooks-domain';
import { lockReplay, replayOf, saveReplay } from './replay.table.js';

export type ReplayDecision = 'pause' | 'resume' | 'cancel';

const decisions = { pause, resume, cancel };

/** A person stops a replay, for a while or for good, or lets it go on. What was handed on runs all the same. */
export class DecideReplay extends Command<{ id: string; status: Replay['status'] }> {
  constructor(
    readonly tenantId: string,
    readonly replayId: string,
    readonly decision: ReplayDecision,
    readonly by: string,
  ) {
    super();
  }
}

@CommandHandler(DecideReplay)
export class DecideReplayHandler implements ICommandHandler<DecideReplay> {
  constructor(private readonly store: CommandStore) {}

  execute({ tenantId, replayId, decision, by }: DecideReplay): Promise<{ id: string; status: Replay['status'] }> {
    return this.store.transaction(tenantId, async (tx) => {
      const query = (text: string, values: unknown[]) => tx.manager.query(text, values);
      const row = await lockReplay(query, tenantId, replayId);
      if (row === undefined) throw new ReplayNotFound(replayId);
      const replay = replayOf(row);
      const events = decisions[decision](replay, by);
      const decided = events.reduce(evolveReplay, replay);
      if (events.length > 0) await saveReplay(query, tenantId, decided);
      tx.append(events, replay.streamVersion);
      return { id: replayId, status: decided.status };
    });
  }
}
