import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Iteration } from '@sluice/engine';
import { isUuid } from '@sluice/kernel';

/** The node that waits for an approval. */
export interface ApprovalPlace {
  readonly tenantId: string;
  readonly executionId: string;
  readonly nodeId: string;
  readonly iteration: Iteration;
}

/** Signed, so that whoever has the link may decide and nobody else: it names its place and cannot be made for another. URL-safe. */
export function approvalToken(secret: Buffer, place: ApprovalPlace): string {
  const { tenantId, executionId, nodeId, iteration } = place;
  const said = Buffer.from(JSON.stringify([tenantId, executionId, nodeId, iteration])).toString('base64url');
  return `${said}.${signatureOf(secret, said)}`;
}

/** What a token says, not yet who signed it. */
export function placeOfToken(token: string): ApprovalPlace | undefined {
  try {
    const [said = ''] = token.split('.');
    const place: unknown = JSON.parse(Buffer.from(said, 'base64url').toString());
    if (!Array.isArray(place) || place.length !== 4 || !place.every((part): part is string => typeof part === 'string')) return undefined;
    const [tenantId = '', executionId = '', nodeId = '', iteration = ''] = place;
    return isUuid(tenantId) && isUuid(executionId) ? { tenantId, executionId, nodeId, iteration } : undefined;
  } catch {
    return undefined;
  }
}

export function isSigned(secret: Buffer, token: string): boolean {
  const [said = '', signature = ''] = token.split('.');
  const expected = Buffer.from(signatureOf(secret, said));
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

const signatureOf = (secret: Buffer, said: string): string =>
  createHmac('sha256', secret).update(`sluice.approval\0${said}`).digest('base64url');
