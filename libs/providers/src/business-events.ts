import type { Json } from '@sluice/kernel';
import type { CanonicalEvent, Channel, ProviderRequest } from './adapter.js';
import { canonicalEvent, type Happening, unknownEvent } from './canonical-event.js';
import { valuesOf } from './signatures.js';

// Systems of record (shops, payments, code, forms) report what happened to their objects, under names of their own: there is no
// conversation, and all of it is one family, `event`.

export const businessActions: readonly string[] = ['event'];

export interface BusinessReading extends Pick<Happening, 'kind' | 'conversationId' | 'ignoredBecause'> {
  /** What follows the provider in the dedupe key */
  readonly key: Happening['key'];
  readonly accountId?: string;
  /** The ids that a channel for this account may have; without it, `accountId` alone */
  readonly accounts?: readonly (string | undefined)[];
  readonly customerId?: string;
  readonly occurredMs?: number;
  /** Without it, all that was sent. What counts attempts is left out: the same happening says the same */
  readonly payload?: Json;
}

/** The event that was read, or, where what its key needs is not there, an unknown one. */
export function businessEvent(
  provider: string,
  reading: BusinessReading | undefined,
  raw: Json,
  { externalAccountId }: Pick<Channel, 'externalAccountId'>,
): CanonicalEvent {
  if (reading === undefined) return unknownEvent(provider, null, raw);
  const { key, accountId = null, accounts = [accountId], customerId = null, occurredMs, payload = raw, ignoredBecause, ...said } = reading;
  const foreign = externalAccountId !== null && accountId !== null && !accounts.includes(externalAccountId);
  return canonicalEvent({
    ...said,
    payload,
    action: 'event',
    key: [provider, ...key],
    accountId,
    customerId,
    direction: 'in',
    occurredMs,
    ignoredBecause: foreign ? 'foreign_account' : ignoredBecause,
    foreignAccount: foreign ? true : undefined,
    raw,
  });
}

const headerCharactersMax = 512;

/** A header's one value; undefined for one that is absent, empty, repeated or far too long. */
export function headerOf({ headers }: Pick<ProviderRequest, 'headers'>, name: string): string | undefined {
  const values = valuesOf(headers[name]);
  const [value = ''] = values;
  return values.length === 1 && value !== '' && value.length <= headerCharactersMax ? value : undefined;
}
