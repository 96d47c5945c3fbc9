import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

// Asking the system for 16 random bytes costs ten times what making the id does: they are fetched a thousand ids at a time.
const pool = new Uint8Array(16 * 1_024);
let used = pool.length;
let lastMs = 0;
let sequence = 0;

function randomBytes(): Uint8Array {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += 16;
  return pool.subarray(used - 16, used);
}

/** A new UUIDv7: unique, and sortable by the time it was made; within a process also in the order of the calls. */
export function newId(): string {
  const now = Date.now();
  if (now > lastMs) {
    lastMs = now;
    sequence = 0;
  } else {
    sequence += 1;
  }
  return v7({ msecs: lastMs, seq: sequence, random: randomBytes() });
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export const isUuid = (text: unknown): text is string => typeof text === 'string' && uuid.test(text);
