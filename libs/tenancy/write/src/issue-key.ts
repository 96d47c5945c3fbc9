import type { CommandTransaction } from '@sluice/platform-event-log';
import { type ApiKey, evolveAt, issue, type KeyGrant } from '@sluice/tenancy-domain';
import { insertApiKey } from './api-key.table.js';

/** The key itself is shown to whoever asked for it, once. */
export interface IssuedKey {
  readonly id: string;
  readonly key: string;
}

/** Makes `unissued` the owner of the key, in the caller's transaction; false: the tenant has the key already. */
export async function issueKey(tx: CommandTransaction, unissued: ApiKey, key: string, grant: KeyGrant, by: string): Promise<boolean> {
  const now = new Date();
  const events = issue(unissued, key, grant, by, now);
  const isNew = await insertApiKey(tx.manager, events.reduce(evolveAt(now), unissued));
  if (isNew) tx.append(events, unissued.streamVersion);
  return isNew;
}
