import { Injectable } from '@nestjs/common';
import type { JsonObject } from '@sluice/kernel';
import { ServiceDatabase } from '@sluice/platform-database';
import type { Quotas } from '@sluice/tenancy-domain';
import { type RunLimits, runLimitsOf } from './steps/run-limits.js';

export interface Tenant {
  readonly id: string;
  readonly env: JsonObject;
  /** Key of the HMAC behind effect keys (R6) */
  readonly effectSecret: Buffer;
  /** Its part of what tenants share, beside that of others */
  readonly weight: number;
  readonly runLimits: RunLimits;
}

const keptMs = 10_000;

/** What a worker needs to know of tenants; up to 10 s old. */
@Injectable()
export class TenantDirectory {
  private readonly kept = new Map<string, { readonly tenant: Tenant; readonly until: number }>();

  constructor(private readonly database: ServiceDatabase) {}

  async get(ids: readonly string[]): Promise<ReadonlyMap<string, Tenant>> {
    const now = performance.now();
    const wanted = [...new Set(ids)];
    const missing = wanted.filter((id) => (this.kept.get(id)?.until ?? 0) < now);
    if (missing.length > 0) {
      const { rows } = await this.database.pool.query<{ id: string; env: JsonObject; effect_secret: Buffer; quotas: Quotas }>(
        'SELECT id, env, effect_secret, quotas FROM tenants WHERE id = ANY ($1)',
        [missing],
      );
      for (const { id, env, effect_secret: effectSecret, quotas } of rows) {
        const { weight = 1 } = quotas;
        this.kept.set(id, { tenant: { id, env, effectSecret, weight, runLimits: runLimitsOf(quotas) }, until: now + keptMs });
      }
    }
    return new Map(
      wanted.flatMap((id) => {
        const entry = this.kept.get(id);
        return entry === undefined ? [] : [[id, entry.tenant] as const];
      }),
    );
  }
}
