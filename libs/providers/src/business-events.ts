import type { Json } from '@sluice/kernel';
import type { CanonicalEvent, Channel, ProviderRequest } from './adapter.js';
import { dedupeKey, fingerprint } from './dedupe-key.js';
import { valuesOf } from './signatures.js';

// Systems of record (shops, payments, code, forms) report what happened to their objects, under names of their own: there is no
// conversation, and all of it is one family, `event`.

export const businessActions: readonly string[] = ['event'];

export interface BusinessReading extends Pick<CanonicalEvent, 'conversationId' | 'ignoredBecause'> {
  readonly kind: string;
  /** What follows the provider in the dedupe key */
  readonly key: readonly (string | number)[];
  readonly accountId?: string;
  /** The ids that a channel for this account may have; without it, `accountId` alone */
  readonly accounts?: readonly (string | undefined)[];
  readonly customerId?: string;
  readonly occurredMs?: number;
}

type OfChannel = Pick<Channel, 'externalAccountId'>;

/** The event that was read, or, where what its key needs is not there, an unknown one. */
export function businessEvent(provider: string, reading: BusinessReading | undefined, raw: Json, channel: OfChannel): CanonicalEvent {
  if (reading === undefined) return unknownEvent(provider, raw);
  const { key, accountId, accounts = [accountId], customerId, occurredMs, ignoredBecause, ...said } = reading;
  const foreign = channel.externalAccountId !== null && accountId !== undefined && !accounts.includes(channel.externalAccountId);
  const ignored = foreign ? 'foreign_account' : ignoredBecause;
  return {
    ...said,
    action: 'event',
    dedupeKey: dedupeKey(provider, ...key),
    accountId: accountId ?? null,
    customerId: customerId ?? null,
    direction: 'in',
    occurredAt: occurredMs === undefined ? null : new Date(occurredMs).toISOString(),
    triggers: ignored === undefined,
    ignoredBecause: ignored,
    foreignAccount: foreign ? true : undefined,
    raw,
  };
}

/** `same`: the item without what changes from one delivery of it to the next */
export const unknownEvent = (provider: string, raw: Json, same = raw): CanonicalEvent => ({
  kind: 'unknown',
  action: 'unknown',
  dedupeKey: dedupeKey(provider, 'unknown', fingerprint(same)),
  accountId: null,
  customerId: null,
  direction: 'in',
  occurredAt: null,
  triggers: false,
  ignoredBecause: 'unknown',
  raw,
});

const headerCharactersMax = 512;

/** A header's one value; undefined for one that is absent, empty, repeated or far too long. */
export function headerOf({ headers }: Pick<ProviderRequest, 'headers'>, name: string): string | undefined {
  const values = valuesOf(headers[name]);
  const [value = ''] = values;
  return values.length === 1 && value !== '' && value.length <= headerCharactersMax ? value : undefined;
}
