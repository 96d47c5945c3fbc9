import { type EncryptionKey, open, seal, type Sealed } from '@sluice/channels-domain';
import type { ChannelEncryption } from './channel-encryption.js';
import type { KeyInUse, Queryable, SealAnew, SealedPlace } from './credential-store.js';
import { commandStore } from './sealed-rows.js';

const batch = 100;
/** What is changed while it is read is looked at again. */
const passesMax = 5;

export interface RekeyProgress {
  readonly resealed: number;
  readonly total: number;
}

export interface Rekeyed {
  readonly resealed: number;
  /** What does not open, and why */
  readonly failed: readonly { readonly id: string; readonly reason: string }[];
  /** How many secrets are sealed with which key by now */
  readonly secretsByKey: ReadonlyMap<string, number>;
}

class DoesNotOpen extends Error {}

type Encryption = Pick<ChannelEncryption, 'keys' | 'store'>;

const placesOf = (db: Queryable, store: ChannelEncryption['store']): readonly SealedPlace[] => [
  commandStore(db),
  ...[store.outside(db)].flatMap((place) => place ?? []),
];

export async function keysInUse(db: Queryable, { keys, store }: Encryption): Promise<readonly KeyInUse[]> {
  const known = keys.map(({ id }) => id);
  return (await Promise.all(placesOf(db, store).map((place) => place.keysInUse(known)))).flat();
}

/**
 * Seals every secret with the first key that is sealed with another, in batches, while everything goes on: what somebody else changes meanwhile
 * is left as they leave it. Called again it goes on where it was, since what is done is no longer found. As `sluice_service`.
 */
export async function rekey(
  db: Queryable,
  encryption: Encryption,
  { dryRun, onProgress }: { readonly dryRun: boolean; readonly onProgress: (progress: RekeyProgress) => void },
): Promise<Rekeyed> {
  const { keys, store } = encryption;
  const [first] = keys;
  if (first === undefined) throw new RangeError('there is no encryption key');
  const anew: SealAnew = (sealed, context) => seal(openedBy(keys, sealed, context), context, keys);
  const secretsByKey = async () => secretsOf(await keysInUse(db, encryption));

  const before = await secretsByKey();
  const total = [...before].reduce((sum, [keyId, secrets]) => (keyId === first.id ? sum : sum + secrets), 0);
  const failed = new Map<string, string>();
  let resealed = 0;
  for (let pass = 1; pass <= passesMax && !dryRun; pass += 1) {
    let changedMeanwhile = 0;
    for (const place of placesOf(db, store)) {
      for (let after: string | undefined; ;) {
        const items = await place.notSealedWith(first.id, after, batch);
        for (const item of items) {
          try {
            if (await item.reseal(anew)) resealed += 1;
            else changedMeanwhile += 1;
          } catch (error) {
            if (!(error instanceof DoesNotOpen)) throw error;
            failed.set(item.id, error.message);
          }
        }
        onProgress({ resealed, total });
        if (items.length < batch) break;
        after = items.at(-1)?.cursor;
      }
    }
    if (changedMeanwhile === 0) break;
  }
  return { resealed, failed: [...failed].map(([id, reason]) => ({ id, reason })), secretsByKey: dryRun ? before : await secretsByKey() };
}

function openedBy(keys: readonly EncryptionKey[], sealed: Sealed, context: string): string {
  try {
    return open(sealed, context, keys);
  } catch {
    const isKnown = keys.some(({ id }) => id === sealed.keyId);
    throw new DoesNotOpen(isKnown ? `does not open with the key "${sealed.keyId}"` : `ENCRYPTION_KEYS lacks the key "${sealed.keyId}"`);
  }
}

function secretsOf(inUse: readonly KeyInUse[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const { keyId, secrets } of inUse) sums.set(keyId, (sums.get(keyId) ?? 0) + secrets);
  return sums;
}
