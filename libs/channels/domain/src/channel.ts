import { DomainError, type InputError, type JsonObject } from '@sluice/kernel';
import type {
  ChannelConnected,
  ChannelCredentialsExpired,
  ChannelCredentialsExpiring,
  ChannelCredentialsRotated,
  ChannelDisconnected,
  ChannelEvent,
  ChannelHeld,
  ChannelRefreshFailed,
  ChannelReleased,
  ChannelSendRefused,
  ChannelSubscriptionLost,
} from './channel-events.js';

/**
 * connected → held → releasing → connected, and from releasing back to held; all of them → deleted. `releasing`: what was held has not
 * all begun yet, so what arrives is held as well, behind it. The last step is no decision: it is taken where the last held event begins.
 */
export type ChannelStatus = 'connected' | 'held' | 'releasing' | 'deleted';

/**
 * What its credentials are good for, whatever its status: ok → expiring → expired, and from each of them disconnected, when the provider says
 * that the token is dead. New credentials make it ok again, and nothing else does.
 */
export type ChannelHealth = 'ok' | 'expiring' | 'expired' | 'disconnected';

/** Why it is not ok, and what to do about it */
export interface HealthReason {
  readonly code: string;
  readonly message: string;
}

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
  /** Counts its credentials, from 1 */
  readonly credentialsVersion: number;
  readonly health: ChannelHealth;
  readonly healthReason: HealthReason | null;
  /** The last of `warningDays` that was told of these credentials */
  readonly warnedDays: number | null;
  readonly createdBy: string;
  /** Events of this channel so far */
  readonly streamVersion: number;
}

/** Signing secrets that were replaced, and are accepted as well until then */
interface RetiringSecrets {
  readonly signingSecrets: readonly string[];
  readonly until: string;
}

/** What a channel knows that nobody may see: sealed at rest, write-only in the API. */
export interface ChannelCredentials {
  /** Every one of them is accepted, so that a secret can be rotated */
  readonly signingSecrets: readonly string[];
  readonly verifyToken?: string;
  readonly accessToken?: string;
  /** What a new access token is asked for with, where one is */
  readonly refreshToken?: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  /** Kept alone before they could be replaced again meanwhile */
  readonly retiring?: readonly RetiringSecrets[] | RetiringSecrets;
}

const retiringIn = ({ retiring = [] }: ChannelCredentials, now: Date): readonly RetiringSecrets[] =>
  [retiring].flat().filter(({ until }) => Date.parse(until) > now.getTime());

export const acceptedSecrets = (credentials: ChannelCredentials, now: Date): readonly string[] => [
  ...new Set([credentials, ...retiringIn(credentials, now)].flatMap(({ signingSecrets }) => signingSecrets)),
];

/** What is accepted beside the secrets that replace these: these until then, and those before them as long as they were given. */
export const retire = (credentials: ChannelCredentials, fresh: readonly string[], until: Date, now: Date): readonly RetiringSecrets[] =>
  [...retiringIn(credentials, now), { signingSecrets: credentials.signingSecrets, until: until.toISOString() }]
    .map((each) => ({ ...each, signingSecrets: each.signingSecrets.filter((secret) => !fresh.includes(secret)) }))
    .filter(({ signingSecrets }) => signingSecrets.length > 0);

export class ChannelNotFound extends DomainError {
  constructor(channelId: string) {
    super('not_found', 'channel_not_found', `There is no channel ${channelId}.`);
  }
}

export class ChannelHoldsEvents extends DomainError {
  constructor(channelId: string, count: number) {
    const events = count === 1 ? 'an event that has' : `${count} events that have`;
    super('conflict', 'channel_holds_events', `The channel ${channelId} holds ${events} not begun. Release it, and delete it after that.`);
  }
}

export class ProviderIsUnknown extends DomainError {
  constructor(provider: string, known: Iterable<string>) {
    const message = `"${provider}" is not a provider; known are: ${[...known].join(', ')}.`;
    super('malformed', 'provider_is_unknown', message, { errors: [{ path: 'provider', message }] });
  }
}

export class ChannelIsInvalid extends DomainError {
  constructor(errors: readonly InputError[]) {
    super('malformed', 'channel_is_invalid', errors.map(({ path, message }) => `${path}: ${message}`).join(' '), { errors });
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
  credentialsVersion: 0,
  health: 'ok',
  healthReason: null,
  warnedDays: null,
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

/** Deleting what is deleted decides nothing. Events that are held would never begin. */
export function disconnect({ id, status }: Channel, heldEvents: number, by: string): ChannelDisconnected[] {
  if (status === 'deleted') return [];
  if (heldEvents > 0) throw new ChannelHoldsEvents(id, heldEvents);
  return [{ type: 'channel.disconnected', aggregateId: id, payload: { reason: 'deleted', by } }];
}

const dayMs = 24 * 60 * 60 * 1000;
/** So many days before credentials expire it is told. */
export const warningDays = [14, 7, 3, 1] as const;

/** Tells of credentials that end soon, once for each threshold, and of those that have ended, once. */
export function warn(channel: Channel, now: Date, by: string): (ChannelCredentialsExpiring | ChannelCredentialsExpired)[] {
  const { id: aggregateId, expiresAt } = channel;
  const next = nextWarning(channel);
  if (expiresAt === null || next === undefined || next > now) return [];
  if (expiresAt <= now) {
    return [{ type: 'channel.credentials.expired', aggregateId, payload: { expiresAt: expiresAt.toISOString(), by } }];
  }
  const daysLeft = warningDays.findLast((days) => expiresAt.getTime() - now.getTime() <= days * dayMs) ?? warningDays[0];
  return [{ type: 'channel.credentials.expiring', aggregateId, payload: { daysLeft, expiresAt: expiresAt.toISOString(), by } }];
}

/** When `warn` will have something to say that it has not said yet. */
export function nextWarning({ status, health, expiresAt, warnedDays }: Channel): Date | undefined {
  if (status === 'deleted' || expiresAt === null || health === 'expired' || health === 'disconnected') return undefined;
  const days = warningDays.find((each) => warnedDays === null || each < warnedDays) ?? 0;
  return new Date(expiresAt.getTime() - days * dayMs);
}

const hourMs = 60 * 60 * 1000;

/** Refreshes that failed in a row, of the present credentials. */
interface RefreshFailures {
  readonly failures: number;
  readonly failedAt: Date | null;
}

/** So often a dead token is asked for in vain: what it is asked for with is dead as well. */
const refreshesOfDeadMax = 3;

/**
 * When a token that is to be refreshed from `dueAt` on is tried next: after failures hours later and later, at last once a day, until it ends.
 * `afterEnd`: also when it has ended or is dead.
 */
export function nextRefresh(
  { status, health, expiresAt }: Pick<Channel, 'status' | 'health' | 'expiresAt'>,
  dueAt: Date,
  { failures, failedAt }: RefreshFailures,
  { afterEnd = false }: { readonly afterEnd?: boolean } = {},
): Date | undefined {
  if (status === 'deleted' || (health === 'expired' && !afterEnd)) return undefined;
  if (health === 'disconnected' && (!afterEnd || failures >= refreshesOfDeadMax)) return undefined;
  const pauseMs = Math.min(dayMs, hourMs * 2 ** Math.max(0, failures - 1));
  const at = failedAt === null ? dueAt : new Date(Math.max(dueAt.getTime(), failedAt.getTime() + pauseMs));
  return expiresAt !== null && at >= expiresAt && !afterEnd ? undefined : at;
}

/**
 * What the provider said of the credentials with this number: they are dead. Told once; what is said of credentials that were replaced
 * meanwhile counts for nothing.
 */
export function reportDead(
  { id: aggregateId, status, health, credentialsVersion }: Channel,
  version: number,
  { code, message }: HealthReason,
  by: string,
): ChannelDisconnected[] {
  if (status === 'deleted' || health === 'disconnected' || version !== credentialsVersion) return [];
  return [{ type: 'channel.disconnected', aggregateId, payload: { reason: 'credentials_dead', code, message, by } }];
}

export const refreshFailed = (
  { id: aggregateId, status }: Channel,
  { code, message }: HealthReason,
  againAt: Date | null,
  by: string,
): ChannelRefreshFailed[] =>
  status === 'deleted'
    ? []
    : [
        {
          type: 'channel.credentials.refresh_failed',
          aggregateId,
          payload: { code, message, againAt: againAt?.toISOString() ?? null, by },
        },
      ];

const refusalCharactersMax = 500;

export const sendRefused = ({ id: aggregateId, status }: Channel, { code, message }: HealthReason, by: string): ChannelSendRefused[] =>
  status === 'deleted'
    ? []
    : [{ type: 'channel.send.refused', aggregateId, payload: { code, message: message.slice(0, refusalCharactersMax), by } }];

/** `refusal`: why it could not be restored */
export const subscriptionLost = (
  { id: aggregateId, status }: Channel,
  refusal: HealthReason | undefined,
  by: string,
): ChannelSubscriptionLost[] => {
  if (status === 'deleted') return [];
  const message = refusal?.message ?? 'The provider had ceased to send events of this account; it was asked to send them again.';
  return [
    {
      type: 'channel.subscription.lost',
      aggregateId,
      payload: { restored: refusal === undefined, code: refusal?.code ?? null, message, by },
    },
  ];
};

/** What is wrong with these credentials, in words that say what to do. */
export const expiring = (expiresAt: string): HealthReason => ({
  code: 'credentials_expiring',
  message: `The credentials expire at ${expiresAt}. Give the channel new ones before that.`,
});
export const expired = (expiresAt: string): HealthReason => ({
  code: 'credentials_expired',
  message: `The credentials expired at ${expiresAt}. Give the channel new ones; what it is to send waits for them.`,
});

export function evolve(channel: Channel, event: ChannelEvent): Channel {
  const streamVersion = channel.streamVersion + 1;
  switch (event.type) {
    case 'channel.connected': {
      const { provider, name, externalAccountId, config, expiresAt, by } = event.payload;
      const settings = { provider, name, externalAccountId, config, expiresAt: expiresAt === null ? null : new Date(expiresAt) };
      return { ...channel, ...settings, status: 'connected', credentialsVersion: 1, createdBy: by, streamVersion };
    }
    case 'channel.credentials.rotated': {
      const { version: credentialsVersion } = event.payload;
      const expiresAt = event.payload.expiresAt === null ? null : new Date(event.payload.expiresAt);
      return { ...channel, expiresAt, credentialsVersion, health: 'ok', healthReason: null, warnedDays: null, streamVersion };
    }
    case 'channel.credentials.expiring': {
      const { daysLeft: warnedDays, expiresAt } = event.payload;
      return { ...channel, health: 'expiring', healthReason: expiring(expiresAt), warnedDays, streamVersion };
    }
    case 'channel.credentials.expired':
      return { ...channel, health: 'expired', healthReason: expired(event.payload.expiresAt), streamVersion };
    case 'channel.credentials.refresh_failed':
    case 'channel.subscription.lost':
    case 'channel.send.refused':
      return { ...channel, streamVersion };
    case 'channel.held':
      return { ...channel, status: 'held', streamVersion };
    case 'channel.released':
      return { ...channel, status: 'releasing', streamVersion };
    case 'channel.disconnected': {
      const { payload } = event;
      if (payload.reason === 'deleted') return { ...channel, status: 'deleted', streamVersion };
      const { code, message } = payload;
      return { ...channel, health: 'disconnected', healthReason: { code, message }, streamVersion };
    }
  }
}
