import type { JsonObject } from '@sluice/kernel';
import { idOf, listOf, timeOf } from '../json-values.js';
import { readMessaging, type Reader, sharedReaders } from '../meta/messaging.js';
import type { MessagingContext, Reading } from '../meta/reading.js';

/** Both receipts speak of all messages until a time; that of a delivery may name them too, and often names one. */
const readDelivery: Reader = ({ watermark, mids }, { customerId }) => {
  const untilMs = timeOf(watermark);
  if (untilMs === undefined || customerId === null) return undefined;
  const [mid, ...others] = listOf(mids) ?? [];
  const messageId = others.length === 0 ? idOf(mid) : undefined;
  return { kind: 'delivery', action: 'delivery', key: ['delivery', customerId, untilMs], messageId, ignoredBecause: 'receipt' };
};

const readSeen: Reader = ({ watermark }, { customerId }) => {
  const untilMs = timeOf(watermark);
  if (untilMs === undefined || customerId === null) return undefined;
  return { kind: 'seen', action: 'seen', key: ['read', customerId, untilMs], ignoredBecause: 'receipt' };
};

const readers = [...sharedReaders, ['delivery', readDelivery], ['read', readSeen]] as const;

/** What people and a page write to each other. */
export function readPageMessaging(item: JsonObject, context: MessagingContext): Reading | undefined {
  const said = readMessaging(readers, item, context);
  // The referral of a postback stays in `raw`: the recorded calls have `ref` in events of the kind `referral` only.
  return said?.kind === 'postback' ? { ...said, ref: undefined } : said;
}
