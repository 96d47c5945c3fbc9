import { isUuid } from '@sluice/kernel';
import type { OutgoingEvent } from '@sluice/nodes';
import type { KeptEvent } from '@sluice/webhooks-domain';
import type { Pool } from 'pg';
import type { EffectPlace } from './effect-ledger.js';

interface Customer {
  readonly channelId: string;
  readonly customerId: string;
}

/** A customer may go by two ids, e.g. a phone number and one of the provider's: an event has one, and the other as its alias. */
const idsOf = `ids AS (
  SELECT $3::text AS id
  UNION (SELECT seen.item #>> '{customerAliases,0}'
         FROM (SELECT item, id FROM webhook_events WHERE tenant_id = $1 AND channel_id = $2 AND customer_id = $3 ORDER BY id DESC LIMIT 20) seen
         WHERE seen.item #>> '{customerAliases,0}' IS NOT NULL ORDER BY seen.id DESC LIMIT 1)
  UNION (SELECT customer_id FROM webhook_events
         WHERE tenant_id = $1 AND channel_id = $2 AND item #>> '{customerAliases,0}' = $3 AND customer_id IS NOT NULL ORDER BY id DESC LIMIT 1)
)`;

/**
 * When the customer last did something that providers take as addressed to the account; receipts, comments and what was taken back are none.
 * Of the last few that came, since one may come days late.
 */
export async function lastMessageAt(pool: Pool, tenantId: string, { channelId, customerId }: Customer): Promise<Date | undefined> {
  if (!isUuid(channelId)) return undefined;
  const { rows } = await pool.query<{ at: Date | null }>({
    name: 'last-message-at',
    text: `WITH ${idsOf}
           SELECT max(e.occurred_at) AS at FROM ids CROSS JOIN LATERAL (
             SELECT w.occurred_at FROM webhook_events w
             WHERE w.tenant_id = $1 AND w.channel_id = $2 AND w.customer_id = ids.id
               AND w.action IN ('message', 'postback', 'reaction', 'referral', 'standby') AND w.kind NOT IN ('echo', 'unsend')
               AND w.item ->> 'direction' = 'in'
             ORDER BY w.id DESC LIMIT 5) e`,
    values: [tenantId, channelId, customerId],
  });
  return rows[0]?.at ?? undefined;
}

const eventsMax = 200;

/**
 * What the provider told of messages to the customer since a while before that time, whatever of it triggers; of the newest events. What is
 * about another effect's message says nothing about this one.
 */
export async function outgoingEvents(
  pool: Pool,
  { tenantId, executionId, nodeId, iteration }: EffectPlace,
  { channelId, customerId }: Customer,
  since: Date,
): Promise<readonly OutgoingEvent[]> {
  if (!isUuid(channelId)) return [];
  const { rows } = await pool.query<{ item: Pick<KeptEvent, 'kind' | 'text' | 'messageId' | 'reference'> }>({
    name: 'outgoing-events',
    text: `WITH ${idsOf}
           SELECT e.item FROM ids CROSS JOIN LATERAL (
             SELECT w.id, w.item, w.received_at FROM webhook_events w
             WHERE w.tenant_id = $1 AND w.channel_id = $2 AND w.customer_id = ids.id
             ORDER BY w.id DESC LIMIT ${eventsMax}) e
           WHERE e.received_at >= $4::timestamptz - interval '1 minute' AND e.item ->> 'direction' = 'out'
             AND NOT EXISTS (SELECT FROM effects f
                             WHERE f.tenant_id = $1 AND f.message_id = e.item ->> 'messageId'
                               AND (f.execution_id, f.node_id, f.iteration) IS DISTINCT FROM ($5::uuid, $6::text, $7::text))
           ORDER BY e.id`,
    values: [tenantId, channelId, customerId, since, executionId, nodeId, iteration],
  });
  return rows.map(({ item: { kind, text, messageId, reference } }) => ({
    kind,
    // One that is kept apart is longer than anything that is sent.
    ...(typeof text === 'string' ? { text } : {}),
    ...(messageId === undefined ? {} : { messageId }),
    ...(reference === undefined ? {} : { reference }),
  }));
}
