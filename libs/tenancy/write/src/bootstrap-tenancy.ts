import { Injectable } from '@nestjs/common';
import { newId, PLATFORM_TENANT_ID } from '@sluice/kernel';
import type { BootstrapConfig } from '@sluice/platform-config';
import { CommandStore, type CommandTransaction } from '@sluice/platform-event-log';
import { newKey, unissued } from '@sluice/tenancy-domain';
import { tenantCreated } from './create-tenant.js';
import { issueKey } from './issue-key.js';
import { insertTenant } from './tenant.table.js';

const by = 'bootstrap';
const name = 'Bootstrap';
const firstStartLock = 0x51_00_1cf;

/** What has to be there before anybody can call: a way in. */
@Injectable()
export class BootstrapTenancy {
  constructor(private readonly store: CommandStore) {}

  /**
   * The tenant and keys of `SLUICE_BOOTSTRAP_*`. Every process may do it, at once and again: what is there stays as it is, also a
   * key that was revoked. Answers what this call made.
   */
  async ensure({ tenant, platformKey }: BootstrapConfig): Promise<string[]> {
    if (platformKey !== undefined && platformKey === tenant?.apiKey) {
      throw new Error('SLUICE_BOOTSTRAP_API_KEY and SLUICE_BOOTSTRAP_PLATFORM_KEY must differ');
    }
    const made = tenant === undefined ? [] : await this.store.transaction(tenant.id, (tx) => ensureTenant(tx, tenant.id, tenant.apiKey));
    if (platformKey === undefined) return made;
    const isNew = await this.store.transaction(PLATFORM_TENANT_ID, (tx) =>
      issueKey(tx, unissued(PLATFORM_TENANT_ID, newId()), platformKey, { name, role: 'platform', expiresAt: null }, by),
    );
    return isNew ? [...made, 'a platform key'] : made;
  }

  /** In a store in which nothing ever happened: a tenant and its admin key, to be shown once. Else undefined. */
  createFirstTenant(tenantName: string): Promise<{ tenantId: string; key: string } | undefined> {
    const tenantId = newId();
    return this.store.transaction(tenantId, async (tx) => {
      await tx.manager.query('SELECT pg_advisory_xact_lock($1)', [firstStartLock]);
      const commits: unknown[] = await tx.manager.query('SELECT 1 FROM event_commits LIMIT 1');
      if (commits.length > 0) return undefined;

      const key = newKey();
      await insertTenant(tx.manager, tenantId, tenantName);
      tx.append([tenantCreated(tenantId, tenantName)], 0);
      await issueKey(tx, unissued(tenantId, newId()), key, { name: 'First key', role: 'admin', expiresAt: null }, by);
      return { tenantId, key };
    });
  }
}

async function ensureTenant(tx: CommandTransaction, id: string, apiKey: string): Promise<string[]> {
  const tenantIsNew = await insertTenant(tx.manager, id, name);
  if (tenantIsNew) tx.append([tenantCreated(id, name)], 0);
  const keyIsNew = await issueKey(tx, unissued(id, newId()), apiKey, { name, role: 'admin', expiresAt: null }, by);
  return [...(tenantIsNew ? [`the tenant ${id}`] : []), ...(keyIsNew ? [`an admin key of the tenant ${id}`] : [])];
}
