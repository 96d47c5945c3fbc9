import { createHmac, timingSafeEqual } from 'node:crypto';
import { DomainError } from '@sluice/kernel';

/** Where a list goes on: after the row with these values of the columns that it is ordered by. */
export type Place = readonly (string | number)[];

export class CursorIsInvalid extends DomainError {
  constructor() {
    super('malformed', 'cursor_is_invalid', 'The cursor is not one that this list, asked with these filters, gave.', {
      errors: [{ path: 'cursor', code: 'cursorIsInvalid', message: 'cursor must be the nextCursor of an answer to the same question' }],
    });
  }
}

// 128 of the 256 bits: enough against guessing, and cursors stay short.
const signatureBytes = 16;

const sign = (key: Buffer, question: string, place: Buffer): Buffer =>
  createHmac('sha256', key).update(`${question.length}:${question}`).update(place).digest().subarray(0, signatureBytes);

/** `question` names tenant, list and filters: the cursor is none of another. */
export function sealCursor(key: Buffer, question: string, place: Place): string {
  const plain = Buffer.from(JSON.stringify(place));
  return Buffer.concat([sign(key, question, plain), plain]).toString('base64url');
}

/** Throws CursorIsInvalid for whatever was not sealed with this key for this question. */
export function openCursor(key: Buffer, question: string, cursor: string): Place {
  const sealed = Buffer.from(cursor, 'base64url');
  const plain = sealed.subarray(signatureBytes);
  if (sealed.length <= signatureBytes || !timingSafeEqual(sealed.subarray(0, signatureBytes), sign(key, question, plain))) {
    throw new CursorIsInvalid();
  }
  return JSON.parse(plain.toString());
}
