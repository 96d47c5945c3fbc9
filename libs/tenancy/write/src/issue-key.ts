import type { CommandTransaction } from '@sluice/platform-event-log';
import { type ApiKey, evolveAt, issue, type KeyGrant } from '@sluice/tenancy-domain';
import { insertApiKey } from './api-key.table.js';

/** Makes `unissued` the owner of the key, in the caller's transaction; a key that the tenant has already changes nothing. */
export async function issueKey(tx: CommandTransaction, unissued: ApiKey, key: string, grant: KeyGrant, by: string): Promise<void> {
  const now = new Date();
  const events = issue(unissued, key, grant, by, now);
  if (await insertApiKey(tx.manager, events.reduce(evolveAt(now), unissued))) tx.append(events, unissued.streamVersion);
}
