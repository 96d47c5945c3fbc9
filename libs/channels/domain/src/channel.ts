import { DomainError, type JsonObject } from '@sluice/kernel';
import type { ChannelConnected, ChannelDisconnected, ChannelEvent } from './channel-events.js';

export interface Channel {
  readonly tenantId: string;
  readonly id: string;
  readonly provider: string;
  readonly name: string;
  readonly externalAccountId: string | null;
  readonly status: 'connected' | 'deleted';
  /** The provider's settings; nothing secret */
  readonly config: JsonObject;
  readonly expiresAt: Date | null;
  readonly createdBy: string;
  /** Events of this channel so far */
  readonly streamVersion: number;
}

/** What a channel knows that nobody may see: sealed at rest, write-only in the API. */
export interface ChannelCredentials {
  /** Every one of them is accepted, so that a secret can be rotated */
  readonly signingSecrets: readonly string[];
  readonly verifyToken?: string;
  readonly accessToken?: string;
}

export class ChannelNotFound extends DomainError {
  constructor(channelId: string) {
    super('not_found', 'channel_not_found', `There is no channel ${channelId}.`);
  }
}

export class ProviderIsUnknown extends DomainError {
  constructor(provider: string, known: Iterable<string>) {
    const message = `"${provider}" is not a provider; known are: ${[...known].join(', ')}.`;
    super('malformed', 'provider_is_unknown', message, { errors: [{ path: 'provider', message }] });
  }
}

/** A channel before its first event. */
export const unconnected = (tenantId: string, id: string): Channel => ({
  tenantId,
  id,
  provider: '',
  name: '',
  externalAccountId: null,
  status: 'deleted',
  config: {},
  expiresAt: null,
  createdBy: '',
  streamVersion: 0,
});

export type ChannelSettings = Pick<Channel, 'provider' | 'name' | 'externalAccountId' | 'config' | 'expiresAt'>;

export function connect({ id }: Channel, settings: ChannelSettings, by: string): ChannelConnected[] {
  const { provider, name, externalAccountId, config, expiresAt } = settings;
  const payload = { provider, name, externalAccountId, config, expiresAt: expiresAt?.toISOString() ?? null, by };
  return [{ type: 'channel.connected', aggregateId: id, payload }];
}

/** Deleting what is deleted decides nothing. */
export function disconnect({ id, status }: Channel, by: string): ChannelDisconnected[] {
  if (status === 'deleted') return [];
  return [{ type: 'channel.disconnected', aggregateId: id, payload: { reason: 'deleted', by } }];
}

export function evolve(channel: Channel, event: ChannelEvent): Channel {
  const streamVersion = channel.streamVersion + 1;
  switch (event.type) {
    case 'channel.connected': {
      const { provider, name, externalAccountId, config, expiresAt, by } = event.payload;
      const settings = { provider, name, externalAccountId, config, expiresAt: expiresAt === null ? null : new Date(expiresAt) };
      return { ...channel, ...settings, status: 'connected', createdBy: by, streamVersion };
    }
    case 'channel.disconnected':
      return { ...channel, status: 'deleted', streamVersion };
  }
}
