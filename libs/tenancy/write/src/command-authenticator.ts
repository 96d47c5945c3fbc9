import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { ApiDatabase } from '@sluice/platform-database';
import { CommandStore } from '@sluice/platform-event-log';
import { Authenticator, type Caller, KeyLookUps } from '@sluice/platform-http';

/** A revoked key works for at most this long in other processes; in this one it ends at once. */
const keptMs = 15_000;
const tenantsMax = 10_000;

/** API keys as the command store knows them. */
@Injectable()
export class CommandAuthenticator extends Authenticator implements BeforeApplicationShutdown {
  /** Of tenants that are there; others are asked for each time. */
  private readonly tenants = new Map<string, number>();
  private readonly keys = new KeyLookUps({ look: (hashes) => this.look(hashes), keptMs });

  constructor(
    private readonly database: ApiDatabase,
    private readonly store: CommandStore,
  ) {
    super();
  }

  override authenticate(bearer: string, from: string): Promise<Caller | undefined> {
    return this.keys.find(bearer, from);
  }

  override async tenantExists(tenantId: string): Promise<boolean> {
    if ((this.tenants.get(tenantId) ?? 0) > performance.now()) return true;
    const isThere = await this.store.read(tenantId, async (manager) => {
      const found: unknown[] = await manager.query('SELECT 1 FROM tenants WHERE id = $1', [tenantId]);
      return found.length > 0;
    });
    if (!isThere) return false;
    if (this.tenants.size >= tenantsMax) this.tenants.clear();
    this.tenants.set(tenantId, performance.now() + keptMs);
    return true;
  }

  forget(): void {
    this.keys.forget();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.keys.drain();
  }

  private async look(hashes: readonly string[]): Promise<(Caller | undefined)[]> {
    const { rows } = await this.database.pool.query<{ hash: string; tenant_id: string; id: string; role: Caller['role'] }>({
      name: 'authenticate-api-keys',
      text: `SELECT k.hash, a.tenant_id, a.id, a.role
             FROM unnest($1::text[]) AS k(hash), LATERAL authenticate_api_key(decode(k.hash, 'hex')) AS a`,
      values: [hashes],
    });
    const callers = new Map(rows.map(({ hash, tenant_id: tenantId, id, role }) => [hash, { tenantId, userId: `key:${id}`, role }]));
    return hashes.map((hash) => callers.get(hash));
  }
}
