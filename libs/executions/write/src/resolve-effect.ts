import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type Resolution, resolve } from '@sluice/executions-domain';
import { DEFAULT_HANDLE, placeOf, type RunStatus } from '@sluice/engine';
import type { Blob } from '@sluice/kernel';
import { storeClock } from '@sluice/platform-database';
import { CommandStore } from '@sluice/platform-event-log';
import { Tickets } from '@sluice/platform-queue';
import { versionWithId } from './find-version.js';
import { clientOf, graphOf, lockRun, stepOfDecision, writeSteps } from './run-controls.js';
import { keep } from './steps/blobs.js';

export class ResolveEffect extends Command<{ id: string; status: RunStatus }> {
  constructor(
    readonly tenantId: string,
    readonly executionId: string,
    /** Of the node: its id, in a loop behind its iteration: `orders:3/charge` */
    readonly key: string,
    readonly resolution: Resolution,
  ) {
    super();
  }
}

/**
 * A person found out what became of a call in doubt. `sent`: the node is left by `out`. `not_sent`: it is made again, as a new attempt with
 * the key it had, since nothing was sent under it.
 */
@CommandHandler(ResolveEffect)
export class ResolveEffectHandler implements ICommandHandler<ResolveEffect> {
  constructor(
    private readonly store: CommandStore,
    private readonly tickets: Tickets,
  ) {}

  execute({ tenantId, executionId, key, resolution }: ResolveEffect): Promise<{ id: string; status: RunStatus }> {
    return this.store.transaction(tenantId, async (tx) => {
      const place = placeOf(key);
      const run = await lockRun(tx, tenantId, executionId, [place.iteration]);
      const version = await versionWithId(tx.manager, tenantId, run.versionId);
      const { resolution: kept, blobs } = keptResolution(resolution);
      const step = stepOfDecision(version, run, resolve(run, graphOf(version), place, kept, storeClock.now()), { blobs });
      await writeSteps(tx, this.tickets, [step]);
      const response = kept.outcome === 'sent' ? { handle: DEFAULT_HANDLE, output: kept.output } : { error: notSent };
      await (
        await clientOf(tx)
      ).query(
        `UPDATE effects SET state = $5, response = $6, updated_at = now()
         WHERE tenant_id = $1 AND execution_id = $2 AND node_id = $3 AND iteration = $4`,
        [tenantId, executionId, place.nodeId, place.iteration, kept.outcome === 'sent' ? 'succeeded' : 'failed', JSON.stringify(response)],
      );
      return { id: executionId, status: step.state.status };
    });
  }
}

const notSent = { code: 'not_sent', message: 'A person found that it was not sent.' };

function keptResolution(resolution: Resolution): { readonly resolution: Resolution; readonly blobs: readonly Blob[] } {
  if (resolution.outcome === 'not_sent') return { resolution, blobs: [] };
  const { value, blob } = keep(resolution.output);
  return { resolution: { outcome: 'sent', output: value }, blobs: blob === undefined ? [] : [blob] };
}
