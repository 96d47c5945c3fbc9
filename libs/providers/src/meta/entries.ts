import type { Json, JsonObject } from '@sluice/kernel';
import type { CanonicalEvent, Channel } from '../adapter.js';
import { canonicalEvent, isForeign, itemsMax } from '../canonical-event.js';
import { fingerprint } from '../dedupe-key.js';
import { idOf, listOf, objectOf, textOf, timeOf } from '../json-values.js';
import { partiesOf } from './messaging.js';
import type { MessagingContext, Parties, Reading } from './reading.js';

/** What a product of Meta calls itself, and what its items say. */
export interface Dialect {
  readonly provider: string;
  /** The body's `object` */
  readonly object: string;
  /** An item of `changes`. Undefined: none of these, perhaps a message */
  readonly readChange?: (field: string | undefined, value: JsonObject, entry: Entry) => (Reading & Parties) | undefined;
  readonly readMessaging: (item: JsonObject, context: MessagingContext) => Reading | undefined;
}

interface Entry {
  readonly account: string;
  /** When this delivery was sent; stands in for the time of an item that has none */
  readonly sentMs: number | undefined;
}

/** One happening, with what its surroundings say about it. */
interface Item {
  readonly place: 'messaging' | 'standby' | 'change' | 'nowhere';
  readonly account: string | null;
  readonly sentMs: number | undefined;
  readonly raw: Json;
}

export function normaliseEntries(
  dialect: Dialect,
  body: Json,
  { externalAccountId }: Pick<Channel, 'externalAccountId'>,
): readonly CanonicalEvent[] {
  const whole: Item = { place: 'nowhere', account: null, sentMs: undefined, raw: body };
  const entries = objectOf(body)?.object === dialect.object ? listOf(objectOf(body)?.entry) : undefined;
  const items = entries?.flatMap(itemsOf);
  return (items === undefined || items.length > itemsMax ? [whole] : items).map((item) => eventOf(dialect, item, externalAccountId));
}

function itemsOf(entry: Json): readonly Item[] {
  const fields = objectOf(entry);
  if (fields === undefined) return [{ place: 'nowhere', account: null, sentMs: undefined, raw: entry }];

  const { id, time, ...rest } = fields;
  const account = idOf(id) ?? null;
  const sentMs = timeOf(time);
  const itemsAt = (place: Item['place'], list: readonly Json[]) => list.map((raw): Item => ({ place, account, sentMs, raw }));

  const messaging = listOf(rest.messaging);
  const standby = listOf(rest.standby);
  const changes = listOf(rest.changes);
  const change = rest.field === undefined ? undefined : { field: rest.field, value: rest.value ?? null };
  if (!messaging && !standby && !changes && !change) return itemsAt('nowhere', [rest]);
  return [
    ...itemsAt('messaging', messaging ?? []),
    ...itemsAt('standby', standby ?? []),
    ...itemsAt('change', changes ?? []),
    ...itemsAt('change', change ? [change] : []),
  ];
}

function eventOf(dialect: Dialect, item: Item, externalAccountId: string | null): CanonicalEvent {
  const { account, sentMs, raw } = item;
  const details = item.place === 'change' ? objectOf(objectOf(raw)?.value) : objectOf(raw);
  const timeMs = timeOf(details?.timestamp) ?? timeOf(details?.created_time);
  const { key, ignoredBecause, ...reading } = (details && read(dialect, item, details, timeMs)) ?? unknown(item, details);

  const foreign = isForeign(account, externalAccountId);
  return canonicalEvent({
    ...reading,
    key: [dialect.provider, account ?? '', ...key],
    accountId: account,
    occurredMs: timeMs ?? sentMs,
    ignoredBecause: foreign ? 'foreign_account' : (ignoredBecause ?? (reading.direction === 'out' ? 'echo' : undefined)),
    foreignAccount: foreign ? true : undefined,
    raw,
  });
}

/** Without an account nothing can be told: whose it is, who sent it, what its key is. */
function read(dialect: Dialect, item: Item, details: JsonObject, timeMs: number | undefined): (Reading & Parties) | undefined {
  const { place, account, sentMs, raw } = item;
  if (account === null) return undefined;
  const field = place === 'change' ? textOf(objectOf(raw)?.field) : undefined;
  const change = place === 'change' ? dialect.readChange?.(field, details, { account, sentMs }) : undefined;
  if (change) return change;

  const parties = partiesOf(details, account);
  const said = dialect.readMessaging(details, { ...parties, account, timeMs });
  if (place === 'standby' || field === 'standby') return { ...standby(said ?? unknown(item, details)), ...parties };
  return said && { ...said, ...parties };
}

/** Another app owns the conversation and answers. A redelivery after it was handed over keeps its key. */
const standby = (reading: Reading): Reading => ({ ...reading, kind: 'standby_message', action: 'standby', ignoredBecause: 'standby' });

const unknown = ({ account, raw }: Item, details: JsonObject | undefined): Reading & Parties => ({
  kind: 'unknown',
  action: 'unknown',
  key: ['unknown', fingerprint(raw)],
  ignoredBecause: 'unknown',
  ...partiesOf(details ?? {}, account),
});
