import type { ChannelQuery } from '@sluice/contracts';
import { selectList } from '@sluice/platform-projections';
import { channelHealth, type ChannelHealthRow } from './channel-health.projection.js';
import { type ChannelSummary, channelSummary } from './channel-summary.projection.js';

export type ChannelRow = ChannelSummary & Pick<ChannelHealthRow, 'lastSuccessAt' | 'lastError'>;

export const channelColumns = `${selectList(channelSummary, 's')}, ${selectList(channelHealth, 'h', ['lastSuccessAt', 'lastError'])}`;
export const channelTables = 'channel_summary s LEFT JOIN channel_health h ON h.tenant_id = s.tenant_id AND h.id = s.id';

/** Of what is true of a channel, what matters: deleted, held, disconnected, expired, expiring, connected. */
export const shownStatus = `CASE WHEN s.status <> 'connected' OR s.health = 'ok' THEN s.status ELSE s.health END`;

export function channelOf({ status, health, healthReason, healthSince, ...channel }: ChannelRow): ChannelQuery {
  return {
    ...channel,
    status: status !== 'connected' || health === 'ok' ? status : health,
    health: { state: health, reason: healthReason, since: healthSince ?? channel.createdAt },
  };
}
