import type { Json } from '@sluice/kernel';
import type { CanonicalEvent, Channel } from '../adapter.js';
import { idOf } from '../json-values.js';
import { type Dialect, normaliseEntries } from '../meta/entries.js';
import { readMessaging, type Reader, sharedReaders } from '../meta/messaging.js';
import { readChange } from './changes.js';

const readSeen: Reader = (read, { customerId }) => {
  const mid = idOf(read.mid);
  if (mid === undefined || customerId === null) return undefined;
  return { kind: 'seen', action: 'seen', key: ['seen', customerId, mid], messageId: mid, ignoredBecause: 'receipt' };
};

const readers = [...sharedReaders, ['read', readSeen]] as const;

const dialect: Dialect = {
  provider: 'instagram',
  object: 'instagram',
  readChange: (field, value, { account }) => readChange(field, value, account),
  readMessaging: (item, context) => readMessaging(readers, item, context),
};

export const normalise = (body: Json, channel: Pick<Channel, 'externalAccountId'>): readonly CanonicalEvent[] =>
  normaliseEntries(dialect, body, channel);
