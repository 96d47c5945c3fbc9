import type { DomainEvent, JsonObject } from '@sluice/kernel';

export type ChannelConnected = DomainEvent<
  'channel.connected',
  {
    readonly provider: string;
    readonly name: string;
    readonly externalAccountId: string | null;
    readonly config: JsonObject;
    readonly expiresAt: string | null;
    readonly by: string;
  }
>;
/**
 * `deleted`: its path answers 404 from now on. `credentials_dead`: its provider said, by `code`, that its token is good for nothing any more;
 * what comes in is still taken, and what it would send waits for new credentials.
 */
export type ChannelDisconnected = DomainEvent<
  'channel.disconnected',
  | { readonly reason: 'deleted'; readonly by: string }
  | { readonly reason: 'credentials_dead'; readonly code: string; readonly message: string; readonly by: string }
>;

/** Its secrets were replaced. They are nowhere in the log; `version` numbers them. */
export type ChannelCredentialsRotated = DomainEvent<
  'channel.credentials.rotated',
  { readonly version: number; readonly expiresAt: string | null; readonly by: string }
>;
/** Told once for each of the days in `warningDays`; what was missed while nobody looked is not told afterwards. */
export type ChannelCredentialsExpiring = DomainEvent<
  'channel.credentials.expiring',
  { readonly daysLeft: number; readonly expiresAt: string; readonly by: string }
>;
export type ChannelCredentialsExpired = DomainEvent<'channel.credentials.expired', { readonly expiresAt: string; readonly by: string }>;
/** Its provider gave no new token. It is asked again at `againAt`, unless that is null. */
export type ChannelRefreshFailed = DomainEvent<
  'channel.credentials.refresh_failed',
  { readonly code: string; readonly message: string; readonly againAt: string | null; readonly by: string }
>;
/** Its provider had ceased to send it events, and was asked to go on; with a `code` it refused. */
export type ChannelSubscriptionLost = DomainEvent<
  'channel.subscription.lost',
  { readonly restored: boolean; readonly code: string | null; readonly message: string; readonly by: string }
>;
/** What its provider refused of what a workflow sends by it, in our words: the newest of a minute, at most. */
export type ChannelSendRefused = DomainEvent<
  'channel.send.refused',
  { readonly code: string; readonly message: string; readonly by: string }
>;
/** From this commit on its events are recorded and start nothing. */
export type ChannelHeld = DomainEvent<'channel.held', { readonly by: string }>;
/** What was held begins, in the order in which it came; what comes meanwhile queues up behind it. */
export type ChannelReleased = DomainEvent<'channel.released', { readonly by: string }>;

export type ChannelEvent =
  | ChannelConnected
  | ChannelCredentialsRotated
  | ChannelCredentialsExpiring
  | ChannelCredentialsExpired
  | ChannelRefreshFailed
  | ChannelSubscriptionLost
  | ChannelSendRefused
  | ChannelHeld
  | ChannelReleased
  | ChannelDisconnected;
