import { type ApiRefusal, providerNamed } from '@sluice/providers';
import type { Pool } from 'pg';
import type { ChannelEncryption } from '../channel-encryption.js';
import { type OpenChannel, readChannel } from '../read-channel.js';
import { askable, type ProviderCalls } from './provider-calls.js';

/** One thing that was looked at */
export interface ConnectionCheck {
  readonly name: 'settings' | 'token' | 'account' | 'subscription' | 'expiry' | 'twins';
  readonly ok: boolean;
  readonly message: string;
}

export interface CheckedConnection {
  readonly ok: boolean;
  readonly checks: readonly ConnectionCheck[];
}

interface Dead {
  readonly channel: OpenChannel;
  readonly refusal: ApiRefusal;
}

/** Whether a channel's settings make sense, whether its provider knows its token, and as whose. `dead`: the provider says that it is no good. */
export async function checkConnection(
  pool: Pool,
  encryption: ChannelEncryption,
  calls: ProviderCalls,
  tenantId: string,
  channelId: string,
  now: Date,
): Promise<CheckedConnection & { readonly dead?: Dead }> {
  const channel = await readChannel(pool, channelId, encryption, tenantId);
  if (channel === undefined || channel.status === 'deleted') {
    return { ok: false, checks: [{ name: 'settings', ok: false, message: 'The channel was deleted.' }] };
  }
  const { checks, dead } = await askProvider(calls, channel);
  const all = [settingsOf(channel), ...checks, ...expiryOf(channel, now), ...(await twinsOf(pool, channel))];
  return { ok: all.every(({ ok }) => ok), checks: all, ...(dead === undefined ? {} : { dead: { channel, refusal: dead } }) };
}

function settingsOf(channel: OpenChannel): ConnectionCheck {
  const findings = providerNamed(channel.provider)?.check?.(channel) ?? [];
  const message = findings.map(({ path, message: what }) => `${path}: ${what}`).join(' ');
  return { name: 'settings', ok: findings.length === 0, message: message === '' ? 'The settings are of the right form.' : message };
}

async function askProvider(
  calls: ProviderCalls,
  channel: OpenChannel,
): Promise<{ readonly checks: readonly ConnectionCheck[]; readonly dead?: ApiRefusal }> {
  const asked = askable(channel);
  if (asked === undefined) {
    const why = channel.secrets.accessToken === undefined ? 'It has no access token' : `Nothing is known of the API of ${channel.provider}`;
    return { checks: [{ name: 'token', ok: true, message: `${why}: it receives, and is not asked about.` }] };
  }
  const { api, account } = asked;
  const question = api.owner.request(account);
  if (question === undefined) {
    const message = 'The provider cannot be asked without externalAccountId: connect the channel with it.';
    return { checks: [{ name: 'token', ok: false, message }] };
  }
  const owner = await calls.ask(asked, question, (answer) => api.owner.read(answer));
  if (!owner.ok) {
    const message = `The provider refused the token (${owner.code}): ${owner.message}`;
    return { checks: [{ name: 'token', ok: false, message }], ...(owner.dead ? { dead: owner } : {}) };
  }
  const token: ConnectionCheck = { name: 'token', ok: true, message: 'The provider knows the token.' };
  return { checks: [token, accountOf(channel, owner.value), ...(await subscriptionOf(calls, channel))] };
}

function accountOf({ externalAccountId, config }: OpenChannel, owner: string): ConnectionCheck {
  const own = externalAccountId ?? (typeof config['botId'] === 'string' ? config['botId'] : null);
  if (own === owner) return { name: 'account', ok: true, message: `The token is for the account ${owner}.` };
  const message =
    own === null
      ? `The token is for the account ${owner}; the channel names none. Connect it with externalAccountId.`
      : `The token is for the account ${owner}, the channel for ${own}: one of them is wrong.`;
  return { name: 'account', ok: own === null, message };
}

async function subscriptionOf(calls: ProviderCalls, channel: OpenChannel): Promise<ConnectionCheck[]> {
  const asked = askable(channel);
  const look = asked?.api.subscription?.look;
  const question = asked && look?.request(asked.account);
  if (asked === undefined || look === undefined || question === undefined) return [];
  const sends = await calls.ask(asked, question, (answer) => look.read(answer));
  if (!sends.ok)
    return [{ name: 'subscription', ok: false, message: `Whether events are sent is not known (${sends.code}): ${sends.message}` }];
  const message = sends.value
    ? 'The provider sends events of this account.'
    : 'The provider sends no events of this account: subscribe it.';
  return [{ name: 'subscription', ok: sends.value, message }];
}

function expiryOf({ expiresAt, health, healthReason }: OpenChannel, now: Date): ConnectionCheck[] {
  if (health === 'disconnected' && healthReason !== null) return [{ name: 'expiry', ok: false, message: healthReason.message }];
  if (expiresAt === null) return [];
  const ok = expiresAt > now;
  return [{ name: 'expiry', ok, message: `The credentials ${ok ? 'expire' : 'expired'} at ${expiresAt.toISOString()}.` }];
}

/** Allowed, so that one can follow the other; but a provider app sends all events of an account to the oldest. */
async function twinsOf(pool: Pool, { tenantId, id, provider, externalAccountId }: OpenChannel): Promise<ConnectionCheck[]> {
  if (externalAccountId === null) return [];
  const { rows } = await pool.query<{ id: string }>(
    `SELECT id FROM channels WHERE tenant_id = $1 AND provider = $2 AND external_account_id = $3 AND status <> 'deleted' AND id <> $4
     ORDER BY created_at, id LIMIT 5`,
    [tenantId, provider, externalAccountId, id],
  );
  if (rows.length === 0) return [];
  const others = rows.map((row) => row.id).join(', ');
  return [
    {
      name: 'twins',
      ok: true,
      message: `Other channels are of the same account: ${others}. A provider app sends its events to the oldest.`,
    },
  ];
}
