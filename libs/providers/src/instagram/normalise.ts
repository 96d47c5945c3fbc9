import type { Json, JsonObject } from '@sluice/kernel';
import type { CanonicalEvent, Channel } from '../adapter.js';
import { dedupeKey, fingerprint } from '../dedupe-key.js';
import { idOf, listOf, objectOf, textOf, timeOf } from '../json-values.js';
import { readChange } from './changes.js';
import { partiesOf, readMessaging } from './messaging.js';
import type { Parties, Reading } from './reading.js';

/** Meta sends at most 1000; a body made of millions of tiny items must not become millions of rows. */
const itemsMax = 5000;

/** One happening, with what its surroundings say about it. */
interface Item {
  readonly place: 'messaging' | 'standby' | 'change' | 'nowhere';
  readonly account: string | null;
  /** When this delivery was sent; stands in for the time of an item that has none */
  readonly sentMs: number | undefined;
  readonly raw: Json;
}

export function normalise(body: Json, channel: Pick<Channel, 'externalAccountId'>): readonly CanonicalEvent[] {
  const whole: Item = { place: 'nowhere', account: null, sentMs: undefined, raw: body };
  const entries = objectOf(body)?.object === 'instagram' ? listOf(objectOf(body)?.entry) : undefined;
  const items = entries?.flatMap(itemsOf);
  return (items === undefined || items.length > itemsMax ? [whole] : items).map((item) => eventOf(item, channel));
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

function eventOf(item: Item, { externalAccountId }: Pick<Channel, 'externalAccountId'>): CanonicalEvent {
  const { account, sentMs, raw } = item;
  const details = item.place === 'change' ? objectOf(objectOf(raw)?.value) : objectOf(raw);
  const timeMs = timeOf(details?.timestamp);
  const { key, ignoredBecause, ...reading } = (details && read(item, details, timeMs)) ?? unknown(item, details);

  const occurredMs = timeMs ?? sentMs;
  const foreign = externalAccountId !== null && account !== null && account !== externalAccountId;
  const ignored = foreign ? 'foreign_account' : (ignoredBecause ?? (reading.direction === 'out' ? 'echo' : undefined));
  return {
    ...reading,
    dedupeKey: dedupeKey('instagram', account ?? '', ...key),
    accountId: account,
    occurredAt: occurredMs === undefined ? null : new Date(occurredMs).toISOString(),
    triggers: ignored === undefined,
    ignoredBecause: ignored,
    foreignAccount: foreign ? true : undefined,
    raw,
  };
}

/** Without an account nothing can be told: whose it is, who sent it, what its key is. */
function read(item: Item, details: JsonObject, timeMs: number | undefined): (Reading & Parties) | undefined {
  const { place, account, raw } = item;
  if (account === null) return undefined;
  const field = place === 'change' ? textOf(objectOf(raw)?.field) : undefined;
  const change = readChange(field, details, account);
  if (change) return change;

  const parties = partiesOf(details, account);
  const said = readMessaging(details, { ...parties, account, timeMs });
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
