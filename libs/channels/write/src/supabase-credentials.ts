import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel } from '@sluice/channels-domain';
import { type KeptEnvelope, type SupabaseAnswer, type SupabaseCall, SupabaseProject, SupabaseUnavailable } from '@sluice/platform-supabase';
import type { SupabaseConfig } from '@sluice/platform-config';
import { sealingContext } from './channel.table.js';
import {
  type ChannelId,
  CredentialsAreMissing,
  CredentialStore,
  CredentialStoreUnavailable,
  type CredentialTransaction,
  type Envelope,
  type KeyInUse,
  type Queryable,
  type SealAnew,
  type SealedChannel,
  type SealedItem,
  type SealedPlace,
} from './credential-store.js';
import { findChannel, PostgresCredentials } from './postgres-credentials.js';

const attemptsMax = 5;
const knownMax = 10_000;
/** Whoever asks how things are gives up soon after. */
const probeMsMax = 1_500;
/** The command that makes a channel has committed or failed by then. */
const abandonedMs = 60 * 60_000;
/** Their ids are part of an address. */
const leftMax = 100;

interface KeptChannel {
  readonly id: string;
  readonly tenant_id: string;
  readonly envelopes: Readonly<Record<string, KeptEnvelope>>;
  readonly revision: number;
}

const columns = 'id, tenant_id, envelopes, revision';
const keptOf = ({ keyId, bytes }: Envelope): KeptEnvelope => ({ key_id: keyId, sealed: bytes.toString('base64') });
const keyIdsOf = (envelopes: KeptChannel['envelopes']): string[] => [...new Set(Object.values(envelopes).map(({ key_id }) => key_id))];
const setOf = (keyIds: readonly string[]) => `{${keyIds.join(',')}}`;
const envelopeOf = (version: number, { key_id: keyId, sealed }: KeptEnvelope): Envelope => ({
  version,
  keyId,
  bytes: Buffer.from(sealed, 'base64'),
});

/**
 * Sealed credentials as rows of a Supabase project, which cannot take part in our transactions: a new version is written there first, beside the
 * one that counts; it counts once the command store has committed its number; the one before goes after that. Ended in between, a version is
 * left that nobody asks for, and that the next change overwrites. A write names the revision of the row that it has read, so one that comes late
 * changes nothing.
 *
 * Channels whose credentials were written before this store was chosen have them in Postgres until they are changed.
 */
export class SupabaseCredentials extends CredentialStore {
  private readonly project: SupabaseProject;
  private readonly before = new PostgresCredentials();
  /** A version never changes, so it is asked for once; and what is known here outlasts an outage. Sealed as it came. */
  private readonly known = new Map<string, Envelope>();

  constructor(config: SupabaseConfig) {
    super();
    this.project = new SupabaseProject(config);
  }

  async save(tx: CredentialTransaction, channel: Channel, envelope: Envelope): Promise<void> {
    await this.write(channel, envelope);
    await tx.manager.query('UPDATE channels SET credentials_outside = $3 WHERE tenant_id = $1 AND id = $2', [
      channel.tenantId,
      channel.id,
      envelope.version,
    ]);
    await this.before.remove(tx, channel);
    if (envelope.version > 1) tx.afterCommit(() => this.keepOnly(channel, envelope.version));
  }

  async find(db: Queryable, channelId: string, tenantId?: string): Promise<SealedChannel | undefined> {
    for (let asked: number | undefined; ;) {
      const found = await findChannel(db, channelId, tenantId);
      if (found === undefined) return undefined;
      const { outsideVersion, ...channel } = found;
      const envelope = outsideVersion === undefined ? channel.envelope : await this.read(channel, outsideVersion);
      if (envelope !== undefined) return { ...channel, envelope };
      // Gone between the two looks: another one counts by now.
      if (outsideVersion === asked) throw new CredentialsAreMissing(channelId, 'Supabase');
      asked = outsideVersion;
    }
  }

  async remove(tx: CredentialTransaction, channel: ChannelId): Promise<void> {
    await this.before.remove(tx, channel);
    tx.afterCommit(async () => {
      await this.ask((client) => client.from('channels').delete().eq('tenant_id', channel.tenantId).eq('id', channel.id));
    });
  }

  /** Which row is kept outside is said by the command store until its delete was answered, so nothing is asked for where nothing is left. */
  async removeLeft(db: Queryable): Promise<void> {
    const { rows } = await db.query({
      name: 'deleted-channels-outside',
      text: `SELECT id FROM channels WHERE status = 'deleted' AND credentials_outside IS NOT NULL LIMIT ${leftMax}`,
      values: [],
    });
    if (rows.length === 0) return;
    const ids = (rows as { id: string }[]).map(({ id }) => id);
    await this.ask((client) => client.from('channels').delete().in('id', ids));
    await db.query({
      name: 'deleted-channels-nowhere',
      text: `UPDATE channels SET credentials_outside = NULL WHERE id = ANY ($1::uuid[]) AND status = 'deleted'`,
      values: [ids],
    });
  }

  outside(db: Queryable): SealedPlace {
    return {
      name: 'Supabase',
      keysInUse: (known) => this.keysInUse(known),
      notSealedWith: async (keyId, after, countMax) => {
        const { data } = await this.ask((client) => {
          const rows = client
            .from('channels')
            .select(`${columns}, created_at`)
            .not('key_ids', 'cd', setOf([keyId]))
            .order('id')
            .limit(countMax);
          return after === undefined ? rows : rows.gt('id', after);
        });
        const rows = data ?? [];
        const living = await livingAmong(db, rows);
        const isLeft = ({ id, created_at: createdAt }: (typeof rows)[number]) =>
          !living.has(id) && Date.now() - Date.parse(createdAt) > abandonedMs;
        return rows.map((row): SealedItem => ({
          id: `channels ${row.id}`,
          cursor: row.id,
          reseal: (anew) => (isLeft(row) ? this.forget(row) : this.reseal(row, anew)),
        }));
      },
    };
  }

  async trouble(): Promise<string | undefined> {
    const late = sleep(probeMsMax, 'Supabase does not answer', { ref: false });
    const asked = this.project
      .ask((client) => client.from('channels').select('id').limit(1))
      .then(() => undefined)
      .catch((error: unknown) => (error instanceof SupabaseUnavailable ? error.message : Promise.reject(error)));
    const trouble = await Promise.race([asked, late]);
    return trouble && `${trouble}; channels that are known here go on`;
  }

  private async read(channel: ChannelId, version: number): Promise<Envelope | undefined> {
    const key = `${channel.tenantId}|${channel.id}`;
    const known = this.known.get(key);
    if (known?.version === version) return known;
    const kept = (await this.row(channel))?.envelopes[version];
    if (kept === undefined) return undefined;
    const envelope = envelopeOf(version, kept);
    const [oldest] = this.known.keys();
    if (this.known.size >= knownMax && oldest !== undefined) this.known.delete(oldest);
    this.known.delete(key);
    this.known.set(key, envelope);
    return envelope;
  }

  private async row({ tenantId, id }: ChannelId): Promise<KeptChannel | undefined> {
    const { data } = await this.ask((client) => client.from('channels').select(columns).eq('tenant_id', tenantId).eq('id', id).limit(1));
    return data?.[0];
  }

  /** Beside the version before it; what else is there was never committed. */
  private async write(channel: Channel, envelope: Envelope): Promise<void> {
    const { tenantId, id, provider, name, externalAccountId } = channel;
    for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
      const row = await this.row(channel);
      const before = row?.envelopes[envelope.version - 1];
      const envelopes = { ...(before !== undefined && { [envelope.version - 1]: before }), [envelope.version]: keptOf(envelope) };
      if (row !== undefined) {
        if (await this.change(row, envelopes)) return;
        continue;
      }
      const fresh = { id, tenant_id: tenantId, provider, name, external_account_id: externalAccountId };
      const { conflict } = await this.ask((client) =>
        client.from('channels').insert({ ...fresh, envelopes, key_ids: keyIdsOf(envelopes), revision: 1 }),
      );
      if (!conflict) return;
    }
    throw new CredentialStoreUnavailable();
  }

  /** Whoever writes at the same time knows of a version that counts by now. */
  private async keepOnly(channel: ChannelId, version: number): Promise<void> {
    const row = await this.row(channel);
    const kept = row?.envelopes[version];
    if (row !== undefined && kept !== undefined) await this.change(row, { [version]: kept });
  }

  private async change({ id, tenant_id: tenantId, revision }: KeptChannel, envelopes: KeptChannel['envelopes']): Promise<boolean> {
    const change = { envelopes, key_ids: keyIdsOf(envelopes), revision: revision + 1, updated_at: new Date().toISOString() };
    const { data } = await this.ask((client) =>
      client.from('channels').update(change).eq('tenant_id', tenantId).eq('id', id).eq('revision', revision).select('id'),
    );
    return data?.length === 1;
  }

  private async reseal(row: KeptChannel, anew: SealAnew): Promise<boolean> {
    const resealed = Object.entries(row.envelopes).map(([version, kept]): [string, KeptEnvelope] => {
      const envelope = envelopeOf(Number(version), kept);
      return [version, keptOf({ ...envelope, ...anew(envelope, sealingContext(row.tenant_id, row.id, envelope.version)) })];
    });
    return this.change(row, Object.fromEntries(resealed));
  }

  /** Left by a command that failed, or by one that deleted its channel. */
  private async forget({ id, tenant_id: tenantId, revision }: KeptChannel): Promise<boolean> {
    const { data } = await this.ask((client) =>
      client.from('channels').delete().eq('tenant_id', tenantId).eq('id', id).eq('revision', revision).select('id'),
    );
    return data?.length === 1;
  }

  private async keysInUse(known: readonly string[]): Promise<readonly KeyInUse[]> {
    const keyIds = [...known];
    for (;;) {
      const { data } = await this.ask((client) => client.from('channels').select('key_ids').not('key_ids', 'cd', setOf(keyIds)).limit(1));
      const strange = data?.[0]?.key_ids.filter((id) => !keyIds.includes(id)) ?? [];
      if (strange.length === 0) break;
      keyIds.push(...strange);
    }
    const found: KeyInUse[] = [];
    for (const keyId of keyIds) {
      const { data, count: secrets } = await this.ask((client) =>
        client.from('channels').select(columns, { count: 'exact' }).contains('key_ids', [keyId]).limit(1),
      );
      const one = data?.[0] === undefined ? undefined : sampleOf(data[0], keyId);
      if (one !== undefined) found.push({ keyId, secrets, one });
    }
    return found;
  }

  private async ask<T>(call: SupabaseCall<T>): Promise<SupabaseAnswer<T>> {
    try {
      return await this.project.ask(call);
    } catch (error) {
      throw error instanceof SupabaseUnavailable ? new CredentialStoreUnavailable() : error;
    }
  }
}

function sampleOf(row: KeptChannel, keyId: string): KeyInUse['one'] | undefined {
  const found = Object.entries(row.envelopes).find(([, { key_id }]) => key_id === keyId);
  return found && { context: sealingContext(row.tenant_id, row.id, Number(found[0])), bytes: Buffer.from(found[1].sealed, 'base64') };
}

async function livingAmong(db: Queryable, rows: readonly KeptChannel[]): Promise<ReadonlySet<string>> {
  const { rows: living } = await db.query({
    name: 'living-channels',
    text: `SELECT id FROM channels WHERE id = ANY ($1::uuid[]) AND status <> 'deleted'`,
    values: [rows.map(({ id }) => id)],
  });
  return new Set((living as { id: string }[]).map(({ id }) => id));
}
