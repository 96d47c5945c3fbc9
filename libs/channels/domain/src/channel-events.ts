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
/** Deleted: its path answers 404 from now on. */
export type ChannelDisconnected = DomainEvent<'channel.disconnected', { readonly reason: string; readonly by: string }>;

/** Its secrets were replaced. They are nowhere in the log; `version` numbers them. */
export type ChannelCredentialsRotated = DomainEvent<
  'channel.credentials.rotated',
  { readonly version: number; readonly expiresAt: string | null; readonly by: string }
>;
/** From this commit on its events are recorded and start nothing. */
export type ChannelHeld = DomainEvent<'channel.held', { readonly by: string }>;
/** What was held begins, in the order in which it came; what comes meanwhile queues up behind it. */
export type ChannelReleased = DomainEvent<'channel.released', { readonly by: string }>;

export type ChannelEvent = ChannelConnected | ChannelCredentialsRotated | ChannelHeld | ChannelReleased | ChannelDisconnected;
