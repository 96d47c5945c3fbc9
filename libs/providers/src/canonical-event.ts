import type { Json } from '@sluice/kernel';
import type { CanonicalEvent } from './adapter.js';
import { dedupeKey, fingerprint } from './dedupe-key.js';
import type { IgnoredBecause } from './ignored-because.js';

/** Providers send up to 1000 in one call; a body made of millions of tiny items must not become millions of rows. */
export const itemsMax = 5000;

/** What is known of one happening; the rest of its event follows. */
export interface Happening extends Omit<CanonicalEvent, 'dedupeKey' | 'occurredAt' | 'triggers' | 'ignoredBecause'> {
  /** The parts of the dedupe key, from the provider's name on */
  readonly key: readonly (string | number)[];
  readonly occurredMs: number | undefined;
  readonly ignoredBecause?: IgnoredBecause;
}

export const canonicalEvent = ({ key, occurredMs, ignoredBecause, ...facts }: Happening): CanonicalEvent => ({
  ...facts,
  dedupeKey: dedupeKey(...key),
  occurredAt: occurredMs === undefined ? null : new Date(occurredMs).toISOString(),
  triggers: ignoredBecause === undefined,
  ignoredBecause,
});

/** What nobody knows is one event all the same; equal content is the same event. */
export const unknownEvent = (provider: string, accountId: string | null, raw: Json): CanonicalEvent =>
  canonicalEvent({
    kind: 'unknown',
    action: 'unknown',
    key: [provider, accountId ?? '', 'unknown', fingerprint(raw)],
    accountId,
    customerId: null,
    direction: 'in',
    occurredMs: undefined,
    ignoredBecause: 'unknown',
    raw,
  });

/** True for an account that the call is not for; where the channel has none, every account is its own. */
export const isForeign = (accountId: string | null, externalAccountId: string | null): boolean =>
  externalAccountId !== null && accountId !== null && accountId !== externalAccountId;
