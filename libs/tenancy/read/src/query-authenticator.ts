import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { ReadDatabase } from '@sluice/platform-database';
import { Authenticator, type Caller } from '@sluice/platform-http';
import { Checkpoint } from '@sluice/platform-projections';
import { currentCorrelation } from '@sluice/platform-telemetry';
import type { Role } from '@sluice/tenancy-domain';

const knownMs = 30_000;
const knownMax = 1_000;
const waitMs = 2_000;
/** Whoever may be nobody waits only while there is room. */
const waitingMax = 50;

/**
 * Recognises API keys by the read model. A key that was found is taken for good for 30 s, unless the projector says meanwhile
 * that keys have changed; one that was not found is looked for each time, since it may just have been made: who
 * says by `X-Min-Log-Position` when that was is waited for.
 */
@Injectable()
export class QueryAuthenticator extends Authenticator {
  private readonly known = new Map<string, { caller: Caller; until: number }>();
  /** Rises with every change of keys: an answer that was under way then is not kept. */
  private generation = 0;

  private waiting = 0;

  constructor(
    private readonly database: ReadDatabase,
    private readonly checkpoint: Checkpoint,
  ) {
    super();
  }

  async authenticate(bearer: string): Promise<Caller | undefined> {
    const hash = createHash('sha256').update(bearer).digest('hex');
    const known = this.known.get(hash);
    if (known !== undefined && known.until > performance.now()) return known.caller;
    this.known.delete(hash);
    return (await this.find(hash)) ?? this.findOnceProjected(hash);
  }

  private async findOnceProjected(hash: string): Promise<Caller | undefined> {
    const position = currentCorrelation()?.minLogPosition;
    if (position === undefined || this.waiting >= waitingMax) return undefined;
    this.waiting += 1;
    try {
      await this.checkpoint.reached(position, waitMs);
    } finally {
      this.waiting -= 1;
    }
    return this.find(hash);
  }

  private async find(hash: string): Promise<Caller | undefined> {
    const { generation } = this;
    const { rows } = await this.database.pool.query<{ tenant_id: string; id: string; role: Role }>(
      'SELECT tenant_id, id, role FROM find_api_key($1)',
      [hash],
    );
    const [key] = rows;
    if (key === undefined) return undefined;
    const caller: Caller = { tenantId: key.tenant_id, userId: `key:${key.id}`, role: key.role };
    if (generation === this.generation) this.remember(hash, caller);
    return caller;
  }

  forget(): void {
    this.generation += 1;
    this.known.clear();
  }

  private remember(hash: string, caller: Caller): void {
    const [oldest] = this.known.keys();
    if (this.known.size >= knownMax && oldest !== undefined) this.known.delete(oldest);
    this.known.set(hash, { caller, until: performance.now() + knownMs });
  }
}
