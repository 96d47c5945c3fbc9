import type { CanonicalEvent } from '@sluice/providers';
import type { Listener } from './channel-directory.js';

/** Where an event is recorded, and who listens there. */
export interface Recipient {
  /** Of the channel; of the provider app for what belongs to no channel */
  readonly id: string;
  readonly listeners: readonly Listener[];
}

export interface RoutedEvent {
  readonly event: CanonicalEvent;
  readonly recipient: Recipient;
}

/**
 * What came to a provider app's URL goes to the channel of its account. An event of an account without a channel is foreign, as it is at
 * a channel's own URL; one without an account keeps the reason why nothing could be told of it. Both stay with the app and trigger nothing.
 */
export function routeByAccount(
  events: readonly CanonicalEvent[],
  appId: string,
  channels: ReadonlyMap<string, Recipient>,
): readonly RoutedEvent[] {
  const nobody: Recipient = { id: appId, listeners: [] };
  return events.map((event) => {
    const recipient = event.accountId === null ? undefined : channels.get(event.accountId);
    if (recipient !== undefined) return { event, recipient };
    if (event.accountId === null) return { event: { ...event, triggers: false }, recipient: nobody };
    return { event: { ...event, triggers: false, ignoredBecause: 'foreign_account', foreignAccount: true }, recipient: nobody };
  });
}

/** The accounts that events name, each once. */
export const accountsOf = (events: readonly CanonicalEvent[]): readonly string[] => [
  ...new Set(events.flatMap(({ accountId }) => (accountId === null ? [] : [accountId]))),
];
