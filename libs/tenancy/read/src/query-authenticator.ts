import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { ReadDatabase } from '@sluice/platform-database';
import { Authenticator, type Caller, KeyLookUps } from '@sluice/platform-http';
import { Checkpoint } from '@sluice/platform-projections';
import { currentCorrelation } from '@sluice/platform-telemetry';
import type { Role } from '@sluice/tenancy-domain';

const keptMs = 30_000;
const waitMs = 2_000;
/** Whoever may be nobody waits only while there is room. */
const waitingMax = 50;

/**
 * Recognises API keys by the read model. A key that was found is taken for good for 30 s, unless the projector says meanwhile
 * that keys have changed; one that was not found is looked for each time, since it may just have been made: who
 * says by `X-Min-Log-Position` when that was is waited for.
 */
@Injectable()
export class QueryAuthenticator extends Authenticator implements BeforeApplicationShutdown {
  private readonly keys = new KeyLookUps({ look: (hashes) => this.look(hashes), keptMs });
  private waiting = 0;

  constructor(
    private readonly database: ReadDatabase,
    private readonly checkpoint: Checkpoint,
  ) {
    super();
  }

  override async authenticate(bearer: string, from: string): Promise<Caller | undefined> {
    return (await this.keys.find(bearer, from)) ?? this.findOnceProjected(bearer, from);
  }

  private async findOnceProjected(bearer: string, from: string): Promise<Caller | undefined> {
    const position = currentCorrelation()?.minLogPosition;
    if (position === undefined || this.waiting >= waitingMax) return undefined;
    this.waiting += 1;
    try {
      await this.checkpoint.reached(position, waitMs);
    } finally {
      this.waiting -= 1;
    }
    return this.keys.find(bearer, from);
  }

  forget(): void {
    this.keys.forget();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.keys.drain();
  }

  private async look(hashes: readonly string[]): Promise<(Caller | undefined)[]> {
    const { rows } = await this.database.pool.query<{ hash: string; tenant_id: string; id: string; role: Role }>({
      name: 'find-api-keys',
      text: `SELECT k.hash, f.tenant_id, f.id, f.role FROM unnest($1::text[]) AS k(hash), LATERAL find_api_key(k.hash) AS f`,
      values: [hashes],
    });
    const callers = new Map(rows.map(({ hash, tenant_id: tenantId, id, role }) => [hash, { tenantId, userId: `key:${id}`, role }]));
    return hashes.map((hash) => callers.get(hash));
  }
}
