import { DomainError, type JsonObject } from '@sluice/kernel';
import type {
  ChannelConnected,
  ChannelCredentialsRotated,
  ChannelDisconnected,
  ChannelEvent,
  ChannelHeld,
  ChannelReleased,
} from './channel-events.js';

/**
 * connected → held → releasing → connected, and from releasing back to held; all of them → deleted. `releasing`: what was held has not
 * all begun yet, so what arrives is held as well, behind it. The last step is no decision: it is taken where the last held event begins.
 */
export type ChannelStatus = 'connected' | 'held' | 'releasing' | 'deleted';

export interface Channel {
  readonly tenantId: string;
  readonly id: string;
  readonly provider: string;
  readonly name: string;
  readonly externalAccountId: string | null;
  readonly status: ChannelStatus;
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

/** `version`: the number of the new secrets. */
export function rotateCredentials(
  { id, status }: Channel,
  version: number,
  expiresAt: Date | null,
  by: string,
): ChannelCredentialsRotated[] {
  if (status === 'deleted') throw new ChannelNotFound(id);
  return [{ type: 'channel.credentials.rotated', aggregateId: id, payload: { version, expiresAt: expiresAt?.toISOString() ?? null, by } }];
}

/** Holding what is held decides nothing. */
export function hold({ id, status }: Channel, by: string): ChannelHeld[] {
  if (status === 'deleted') throw new ChannelNotFound(id);
  return status === 'held' ? [] : [{ type: 'channel.held', aggregateId: id, payload: { by } }];
}

/** Releasing what is not held decides nothing. */
export function release({ id, status }: Channel, by: string): ChannelReleased[] {
  if (status === 'deleted') throw new ChannelNotFound(id);
  return status === 'held' ? [{ type: 'channel.released', aggregateId: id, payload: { by } }] : [];
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
    case 'channel.credentials.rotated': {
      const { expiresAt } = event.payload;
      return { ...channel, expiresAt: expiresAt === null ? null : new Date(expiresAt), streamVersion };
    }
    case 'channel.held':
      return { ...channel, status: 'held', streamVersion };
    case 'channel.released':
      return { ...channel, status: 'releasing', streamVersion };
    case 'channel.disconnected':
      return { ...channel, status: 'deleted', streamVersion };
  }
}
