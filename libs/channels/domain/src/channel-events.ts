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

export type ChannelEvent = ChannelConnected | ChannelDisconnected;
