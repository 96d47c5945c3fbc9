import { Injectable } from '@nestjs/common';
import { type OpenChannel, readChannel } from '@sluice/channels-write';
import { isUuid } from '@sluice/kernel';
import { ServiceDatabase } from '@sluice/platform-database';
import type { EncryptionConfig } from '@sluice/platform-config';

export interface Listener {
  readonly id: string;
  readonly triggerType: string;
  /** `all` or families */
  readonly actionTypes: readonly string[];
}

export interface Source {
  readonly channel: OpenChannel;
  readonly listeners: readonly Listener[];
}

const foundMs = 5_000;
const missedMs = 1_000;
const entriesMax = 10_000;

/**
 * Who a path's id belongs to. Kept for up to 5 s (unknown ids 1 s), and dropped at once when a channel or registration changes. What
 * is decided from it is decided again by the worker, from Postgres: only verification relies on this copy.
 */
@Injectable()
export class ChannelDirectory {
  private readonly entries = new Map<string, { readonly source: Promise<Source | undefined>; until: number }>();

  constructor(
    private readonly database: ServiceDatabase,
    private readonly encryption: EncryptionConfig,
  ) {}

  async find(channelId: string): Promise<Source | undefined> {
    if (!isUuid(channelId)) return undefined;
    const id = channelId.toLowerCase();
    const now = performance.now();
    const known = this.entries.get(id);
    if (known !== undefined && known.until > now) return known.source;

    const source = this.read(id);
    const entry = { source, until: now + foundMs };
    if (this.entries.size >= entriesMax) this.entries.delete(this.entries.keys().next().value ?? '');
    this.entries.delete(id);
    this.entries.set(id, entry);
    try {
      if ((await source) === undefined) entry.until = now + missedMs;
    } catch (error) {
      this.entries.delete(id);
      throw error;
    }
    return source;
  }

  forget(): void {
    this.entries.clear();
  }

  private async read(channelId: string): Promise<Source | undefined> {
    const channel = await readChannel(this.database.pool, channelId, this.encryption.keys);
    if (channel === undefined || channel.status === 'deleted') return undefined;
    const { rows } = await this.database.pool.query<{ id: string; trigger_type: string; action_types: string[] }>({
      name: 'listeners-of-channel',
      text: `SELECT id, trigger_type, action_types FROM webhooks
             WHERE tenant_id = $1 AND channel_id = $2 AND status = 'active' ORDER BY created_at, id`,
      values: [channel.tenantId, channel.id],
    });
    return {
      channel,
      listeners: rows.map((row) => ({ id: row.id, triggerType: row.trigger_type, actionTypes: row.action_types })),
    };
  }
}
