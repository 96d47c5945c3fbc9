import { type EncryptionKey, open } from '@sluice/channels-domain';
import type { KeyInUse } from './credential-store.js';

const counted = (secrets: number): string => (secrets === 1 ? '1 stored credential' : `${secrets} stored credentials`);

/** What is sealed and does not open with these keys: a sentence for each key that is missing or is another one of the same name. */
export function keyProblems(inUse: readonly KeyInUse[], keys: readonly EncryptionKey[]): string[] {
  const byKey = Map.groupBy(inUse, ({ keyId }) => keyId);
  return [...byKey].flatMap(([keyId, uses]) => {
    const secrets = counted(uses.reduce((sum, use) => sum + use.secrets, 0));
    if (!keys.some(({ id }) => id === keyId)) {
      return [
        `ENCRYPTION_KEYS: lacks the key "${keyId}", which sealed ${secrets}. Add it back, behind the others; \`npm run sluice -- credentials rekey\` makes it dispensable.`,
      ];
    }
    if (uses.every(({ one }) => opens(keyId, one, keys))) return [];
    return [`ENCRYPTION_KEYS: the key "${keyId}" is not the one that sealed ${secrets}. Give the right one, and a new key a new name.`];
  });
}

function opens(keyId: string, { bytes, context }: KeyInUse['one'], keys: readonly EncryptionKey[]): boolean {
  try {
    open({ keyId, bytes }, context, keys);
    return true;
  } catch {
    return false;
  }
}
