import { Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@sluice/platform-database';
import { Committer } from '../steps/committer.js';
import { Sweeper } from './sweeper.js';
import { oldestTicketed } from './sweep-queries.js';

const stillMsMax = 60_000;
/** A ticket that nobody takes is renewed after 30 s, and every worker looks for work itself when it hears nothing. */
const waitMsMax = 60_000;

/** Says whether work flows through this worker, which stores that answer do not prove. */
@Injectable()
export class WorkWatch {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly sweeper: Pick<Sweeper, 'turnedAt'>,
    private readonly committer: Pick<Committer, 'committedAt'>,
  ) {}

  /** Rejects, in a sentence, when the sweeps stand still, or tasks wait that may run and this worker has finished none for as long. */
  async assertReady(): Promise<void> {
    const now = performance.now();
    const stillMs = now - this.sweeper.turnedAt;
    if (stillMs > stillMsMax) throw new Error(`the sweeps have not turned for ${Math.round(stillMs / 1_000)} s`);
    const idleMs = now - this.committer.committedAt;
    if (idleMs < waitMsMax) return;
    const waitSeconds = await oldestTicketed(this.database.pool, waitMsMax);
    if (waitSeconds === undefined) return;
    throw new Error(
      `a task has been ready for ${Math.round(waitSeconds)} s, and this worker has finished nothing for ${Math.round(idleMs / 1_000)} s`,
    );
  }
}
