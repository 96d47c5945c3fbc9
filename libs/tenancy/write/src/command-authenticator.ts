import { Injectable } from '@nestjs/common';
import { ApiDatabase } from '@sluice/platform-database';
import { CommandStore } from '@sluice/platform-event-log';
import { Authenticator, type Caller } from '@sluice/platform-http';
import { hashOf } from '@sluice/tenancy-domain';

/** A revoked key works for at most this long in other processes; in this one it ends at once. */
const keptMs = 15_000;
const entriesMax = 10_000;

/** API keys as the command store knows them. What is not a key is asked for each time: a new one works at once. */
@Injectable()
export class CommandAuthenticator extends Authenticator {
  /** Of tenants that are there; others are asked for each time. */
  private readonly tenants = new Map<string, number>();
  private readonly known = new Map<string, { readonly caller: Promise<Caller | undefined>; readonly until: number }>();

  constructor(
    private readonly database: ApiDatabase,
    private readonly store: CommandStore,
  ) {
    super();
  }

  override async authenticate(bearer: string): Promise<Caller | undefined> {
    const hash = hashOf(bearer);
    const name = hash.toString('base64');
    const entry = this.known.get(name);
    if (entry !== undefined && entry.until > performance.now()) return entry.caller;

    const caller = this.lookUp(hash);
    this.known.delete(name);
    const [oldest] = this.known.keys();
    if (oldest !== undefined && this.known.size >= entriesMax) this.known.delete(oldest);
    this.known.set(name, { caller, until: performance.now() + keptMs });
    const isKnown = await caller.then(
      (found) => found !== undefined,
      () => false,
    );
    if (!isKnown && this.known.get(name)?.caller === caller) this.known.delete(name);
    return caller;
  }

  override async tenantExists(tenantId: string): Promise<boolean> {
    if ((this.tenants.get(tenantId) ?? 0) > performance.now()) return true;
    const isThere = await this.store.read(tenantId, async (manager) => {
      const found: unknown[] = await manager.query('SELECT 1 FROM tenants WHERE id = $1', [tenantId]);
      return found.length > 0;
    });
    if (!isThere) return false;
    if (this.tenants.size >= entriesMax) this.tenants.clear();
    this.tenants.set(tenantId, performance.now() + keptMs);
    return true;
  }

  forget(): void {
    this.known.clear();
  }

  private async lookUp(hash: Buffer): Promise<Caller | undefined> {
    const { rows } = await this.database.pool.query<{ tenant_id: string; id: string; role: Caller['role'] }>({
      name: 'authenticate-api-key',
      text: 'SELECT tenant_id, id, role FROM authenticate_api_key($1)',
      values: [hash],
    });
    const [row] = rows;
    return row === undefined ? undefined : { tenantId: row.tenant_id, userId: `key:${row.id}`, role: row.role };
  }
}
