import { Injectable } from '@nestjs/common';
import { newId, PLATFORM_TENANT_ID } from '@sluice/kernel';
import type { BootstrapConfig } from '@sluice/platform-config';
import { CommandStore } from '@sluice/platform-event-log';
import { newKey, unissued } from '@sluice/tenancy-domain';
import { tenantCreated } from './create-tenant.js';
import { issueKey } from './issue-key.js';
import { insertTenant } from './tenant.table.js';

const by = 'bootstrap';
const firstStartLock = 0x51_00_1cf;

/** What has to be there before anybody can call: a way in. */
@Injectable()
export class BootstrapTenancy {
  constructor(private readonly store: CommandStore) {}

  /**
   * The tenant and keys of `SLUICE_BOOTSTRAP_*`. Every process may do it, at once and again: what is there stays as it is, also a
   * key that was revoked.
   */
  async ensure({ tenant, platformKey }: BootstrapConfig): Promise<void> {
    if (platformKey !== undefined && platformKey === tenant?.apiKey) {
      throw new Error('SLUICE_BOOTSTRAP_API_KEY and SLUICE_BOOTSTRAP_PLATFORM_KEY must differ');
    }
    if (tenant !== undefined) {
      await this.store.transaction(tenant.id, async (tx) => {
        const name = 'Bootstrap';
        if (await insertTenant(tx.manager, tenant.id, name)) tx.append([tenantCreated(tenant.id, name)], 0);
        await issueKey(tx, unissued(tenant.id, newId()), tenant.apiKey, { name: 'Bootstrap', role: 'admin', expiresAt: null }, by);
      });
    }
    if (platformKey !== undefined) {
      await this.store.transaction(PLATFORM_TENANT_ID, (tx) =>
        issueKey(tx, unissued(PLATFORM_TENANT_ID, newId()), platformKey, { name: 'Bootstrap', role: 'platform', expiresAt: null }, by),
      );
    }
  }

  /** In a store in which nothing ever happened: a tenant and its admin key, to be shown once. Else undefined. */
  createFirstTenant(name: string): Promise<{ tenantId: string; key: string } | undefined> {
    const tenantId = newId();
    return this.store.transaction(tenantId, async (tx) => {
      await tx.manager.query('SELECT pg_advisory_xact_lock($1)', [firstStartLock]);
      const commits: unknown[] = await tx.manager.query('SELECT 1 FROM event_commits LIMIT 1');
      if (commits.length > 0) return undefined;

      const key = newKey();
      await insertTenant(tx.manager, tenantId, name);
      tx.append([tenantCreated(tenantId, name)], 0);
      await issueKey(tx, unissued(tenantId, newId()), key, { name: 'First key', role: 'admin', expiresAt: null }, by);
      return { tenantId, key };
    });
  }
}
