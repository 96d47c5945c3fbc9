/**
 * Joins to a node run `d` the channel `c` that it waits for: one whose credentials are good for nothing. When it has new ones its sends go on, so
 * they wait no longer, whatever became of them is told or not.
 */
export const channelWaitedFor = `channel_summary c ON c.tenant_id = d.tenant_id AND c.id = d.held_for AND d.status = 'running'
  AND c.status <> 'deleted' AND c.health IN ('expired', 'disconnected')`;

/** Of a node run, with `c` or without */
export const shownStatus = `CASE WHEN c.id IS NULL THEN d.status ELSE 'waiting' END`;

/** As `WaitsForChannelQuery`; null where `c` is none. */
export const waitsForChannel = `CASE WHEN c.id IS NOT NULL THEN jsonb_build_object('id', c.id, 'name', c.name, 'reason', c.health_reason,
  'since', to_char(greatest(d.held_since, c.health_since) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) END AS "waitsForChannel"`;
