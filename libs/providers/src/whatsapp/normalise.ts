import type { Json, JsonObject } from '@sluice/kernel';
import type { CanonicalEvent, Channel } from '../adapter.js';
import { canonicalEvent, isForeign, itemsMax } from '../canonical-event.js';
import { fingerprint } from '../dedupe-key.js';
import { idOf, listOf, objectOf, textOf, timeOf } from '../json-values.js';
import { type Contacts, contactsOf, readEcho, readError, readMessage, readStatus, type Said } from './reading.js';

/** One happening of an account. The account is a phone number; of what concerns no number, it is the business account. */
interface Item {
  readonly account: string | null;
  readonly isOfNumber: boolean;
  readonly sentMs: number | undefined;
  readonly contacts: Contacts;
  readonly read: ((part: JsonObject, contacts: Contacts) => Said | undefined) | undefined;
  readonly raw: Json;
}

const nowhere = (raw: Json): Item => ({
  account: null,
  isOfNumber: false,
  sentMs: undefined,
  contacts: contactsOf(undefined),
  read: undefined,
  raw,
});

export function normalise(body: Json, { externalAccountId }: Pick<Channel, 'externalAccountId'>): readonly CanonicalEvent[] {
  const entries = objectOf(body)?.object === 'whatsapp_business_account' ? listOf(objectOf(body)?.entry) : undefined;
  const items = entries?.flatMap(itemsOfEntry);
  return (items === undefined || items.length > itemsMax ? [nowhere(body)] : items).map((item) => eventOf(item, externalAccountId));
}

function itemsOfEntry(entry: Json): readonly Item[] {
  const business = idOf(objectOf(entry)?.id) ?? null;
  const sentMs = timeOf(objectOf(entry)?.time);
  const changes = listOf(objectOf(entry)?.changes);
  return changes?.flatMap((change) => itemsOfChange(change, business, sentMs)) ?? [nowhere(entry)];
}

function itemsOfChange(change: Json, business: string | null, sentMs: number | undefined): readonly Item[] {
  const value = objectOf(objectOf(change)?.value);
  const number = idOf(objectOf(value?.metadata)?.phone_number_id);
  const surroundings = { account: number ?? business, isOfNumber: number !== undefined, sentMs, contacts: contactsOf(value?.contacts) };
  const item = (read: Item['read'], raw: Json): Item => ({ ...surroundings, read, raw });
  const lists = number === undefined ? [] : listsOf(textOf(objectOf(change)?.field));
  const items = lists.flatMap(([name, read]) => listOf(value?.[name])?.map((raw) => item(read, raw)) ?? []);
  return items.length > 0 ? items : [item(undefined, change)];
}

/** Which lists of a change hold happenings; other fields, e.g. a history, repeat messages that nobody is to answer any more. */
function listsOf(field: string | undefined): readonly (readonly [name: string, read: NonNullable<Item['read']>])[] {
  switch (field) {
    case 'messages':
      return [
        ['messages', readMessage],
        ['statuses', readStatus],
        ['errors', readError],
      ];
    case 'smb_message_echoes':
      return [['message_echoes', readEcho]];
    default:
      return [];
  }
}

function eventOf({ account, isOfNumber, sentMs, contacts, read, raw }: Item, externalAccountId: string | null): CanonicalEvent {
  const part = objectOf(raw);
  const { key, ignoredBecause, ...said } = (part && read?.(part, contacts)) ?? unknown(raw);
  const foreign = isOfNumber && isForeign(account, externalAccountId);
  return canonicalEvent({
    ...said,
    key: ['whatsapp', account ?? '', ...key],
    accountId: account,
    occurredMs: timeOf(part?.timestamp) ?? sentMs,
    ignoredBecause: foreign ? 'foreign_account' : ignoredBecause,
    foreignAccount: foreign ? true : undefined,
    raw,
  });
}

const unknown = (raw: Json): Said => ({
  kind: 'unknown',
  action: 'unknown',
  key: ['unknown', fingerprint(raw)],
  ignoredBecause: 'unknown',
  customerId: null,
  direction: 'in',
});
