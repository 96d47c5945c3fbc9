import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { NodeFailure } from '@sluice/nodes';
import { Overloaded } from '@sluice/platform-database';
import { ExpressionPool, ExpressionPoolUnavailable } from '@sluice/platform-expression-pool';
import type { PoolClient } from 'pg';
import { readBlob, withBlobs } from './steps/blobs.js';
import type { StepTools } from './steps/run-step.js';

const notHere = (): never => {
  throw new NodeFailure('not_in_the_api', 'Nodes run in workers.', { retryable: true });
};

/** What the command API needs of runs that it begins: it decides whose turn they need, and leaves their nodes to the workers. */
@Injectable()
export class ApiStepTools implements OnApplicationShutdown {
  private readonly pool = new ExpressionPool({ size: 1 });

  /** `client`: what is kept apart is read in the transaction of the command, as its tenant. */
  toolsFor(tenantId: string, client: PoolClient): StepTools {
    const evaluate = this.pool.evaluatorFor(tenantId);
    return {
      slow: (source, scope) =>
        evaluate(source, scope).catch((error: unknown) => {
          throw error instanceof ExpressionPoolUnavailable ? new Overloaded(`${error.message}. Try again.`) : error;
        }),
      fusion: false,
      env: {},
      blobs: {
        resolve: (_tenantId, value) => withBlobs(value, async (reference) => (await readBlob(client, tenantId, reference))?.value),
        remember: () => {},
      },
      results: notHere,
      callee: notHere,
      approvalUrl: notHere,
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.pool.close();
  }
}
